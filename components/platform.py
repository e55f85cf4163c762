"""The cluster that services run on, and how it is built for each kind of cluster."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi

from components.cluster.addons import addons
from components.cluster.existing import ExistingClusterAccess, access_to
from components.cluster.placement import Placement, inspect_nodes
from components.failures import end_if_refused
from components.node_ports import check_node_ports
from components.relocation import refuse_moves
from components.services.autoscaling import inspect_sizes
from components.services.content import content_of
from components.services.live_rollouts import inspect_rollouts
from switchyard.config.loader import StackSettings
from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.service import ServiceSettings
from switchyard.errors import VersionUnreadableError
from switchyard.gates.admission import Kept, inspect_templates
from switchyard.gates.observed import Observed
from switchyard.gates.rules.relocation import StackLocation
from switchyard.gates.rules.sizes import Sizing
from switchyard.gates.rules.versions import refuse_old
from switchyard.kube.access import ClusterAccess
from switchyard.kube.content import Content
from switchyard.kube.live_rollouts import LiveRollout
from switchyard.kube.nodes import server_version

if TYPE_CHECKING:  # the SDK of AWS comes with it, which a cluster of somebody else's need not wait for
    from components.services.load_balancer_weights import WeightedRouting

Expose = Callable[[Sequence[pulumi.Resource]], Mapping[str, Any]]
"""Takes the components of the services, registers what routes users to them, and returns outputs of the stack."""


@dataclass(frozen=True)
class ClusterPlatform:
    """A cluster that is ready for services.

    Attributes:
        access: the gates' access to the cluster.
        rollouts: state of every service with a Rollout on the cluster.
        opts: options of every resource on the cluster: its provider, and the resources that come first.
        expose: registers what comes after the services.
        location: cluster and namespaces of the stack, for its outputs.
        parts: the resources that were registered for the cluster; `expose` may add to them.
        routing: load balancer routing by the key of a service; None if the load balancer does not switch.
        content: versions of the ConfigMaps and Secrets of every service that reads any.
        sizings: autoscalers and numbers of pods of every service that an autoscaler sizes.
        kept: tracks of every service whose pod template stays as admission on the cluster has rewritten it.
    """

    access: ClusterAccess
    rollouts: Mapping[str, LiveRollout]
    opts: pulumi.ResourceOptions
    expose: Expose
    routing: "Callable[[str], WeightedRouting | None]" = lambda _: None
    location: StackLocation = field(default_factory=StackLocation)
    parts: Sequence[pulumi.Resource] = ()
    content: Mapping[str, Content] = field(default_factory=dict)
    sizings: Mapping[str, Sizing] = field(default_factory=dict)
    kept: Kept = field(default_factory=dict)

    def observed(self, name: str) -> Observed:
        """The state of one service on the cluster, as read at the start of the program."""
        return Observed(
            release=self.rollouts.get(name, LiveRollout()),
            content=self.content.get(name, Content()),
            sizing=self.sizings.get(name, Sizing()),
            kept=self.kept.get(name, frozenset()),
        )


def build_platform(settings: StackSettings) -> ClusterPlatform:
    """Registers the resources that the services need, for the kind of cluster of the stack."""
    if isinstance(settings.cluster, ExistingCluster):
        return build_existing_platform(settings.cluster, settings)
    # The SDK of AWS takes seconds to import, which a stack on an existing cluster need not wait for.
    from components.cluster.ec2_platform import build_ec2_platform  # noqa: PLC0415

    return build_ec2_platform(settings.cluster, settings)


def build_existing_platform(cluster: ExistingCluster, settings: StackSettings) -> ClusterPlatform:
    """Prepares an existing cluster: labels and taints of its nodes, and the charts that the settings ask for."""
    access, services = access_to(cluster), settings.services
    location = refuse_moves(settings, access)
    live = inspect_nodes(cluster.nodes, access)
    _refuse_old(services, access)
    check_node_ports(settings, access)
    rollouts, sizings = inspect_rollouts(services, access), inspect_sizes(services, access)
    existing = ExistingClusterAccess("cluster", cluster=cluster, access=access)
    on_cluster = pulumi.ResourceOptions(providers={"kubernetes": existing.provider})
    placement = Placement("placement", nodes=cluster.nodes, live=live, access=access, opts=on_cluster)
    ready = [placement, *addons(cluster, access, on_cluster)]
    content = content_of(services, access)
    return ClusterPlatform(
        access,
        rollouts,
        after(on_cluster, ready),
        lambda _: {},
        location=location,
        parts=[existing, *ready],
        content=content,
        sizings=sizings,
        kept=inspect_templates(services, access, content),
    )


def _refuse_old(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> None:
    """Ends a run on a cluster that is too old for its services; the next call reports one that does not answer."""
    try:
        refusal = refuse_old(server_version(access), services)
    except VersionUnreadableError:
        return
    end_if_refused([refusal])


def after(opts: pulumi.ResourceOptions, resources: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
    """Returns options with these resources as further dependencies."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=resources))
