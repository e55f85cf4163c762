"""What services stand on, whoever made the cluster."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi

from components.cluster.addons import addons
from components.cluster.existing import ExistingClusterAccess, access_to
from components.cluster.placement import Placement, look_at_nodes
from components.failures import end_if_refused
from components.node_ports import check_node_ports
from components.relocation import refuse_moves
from components.services.argo_blue_green import look_at_rollouts
from components.services.autoscaling import look_at_sizes
from components.services.content import content_of
from switchyard.config.loader import StackSettings
from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.service import ServiceSettings
from switchyard.errors import VersionUnreadableError
from switchyard.gates.admission import Kept, inspect_templates
from switchyard.gates.observed import Observed
from switchyard.gates.rules.relocation import Place
from switchyard.gates.rules.sizes import Sizing
from switchyard.gates.rules.versions import refuse_old
from switchyard.kube.access import ClusterAccess
from switchyard.kube.content import Content
from switchyard.kube.live_releases import LiveRelease
from switchyard.kube.nodes import server_version

if TYPE_CHECKING:  # the SDK of AWS comes with it, which a cluster of somebody else's need not wait for
    from components.services.load_balancer_weights import WeightedFront

Expose = Callable[[Sequence[pulumi.Resource]], Mapping[str, Any]]
"""Takes the services' components, puts what users come by before them, and returns outputs of the stack."""


@dataclass(frozen=True)
class Ground:
    """A cluster that is ready for services.

    Attributes:
        access: the gates' way to it.
        rollouts: what it has of every service with a Rollout.
        opts: options of everything on it: its provider, and what has to be there before.
        expose: what comes after the services.
        place: where the stack is, for its outputs.
        parts: what was registered for the cluster; `expose` may add to it.
        front: the load balancer before a service, for one whose colours it knows.
        content: versions of the ConfigMaps and Secrets of every service that refers to some.
        sizings: what the cluster has of every service, where an autoscaler sizes it.
        kept: tracks of every service whose pod template stays as the cluster's admission has rewritten it.
    """

    access: ClusterAccess
    rollouts: Mapping[str, LiveRelease]
    opts: pulumi.ResourceOptions
    expose: Expose
    front: "Callable[[str], WeightedFront | None]" = lambda _: None
    place: Place = field(default_factory=Place)
    parts: Sequence[pulumi.Resource] = ()
    content: Mapping[str, Content] = field(default_factory=dict)
    sizings: Mapping[str, Sizing] = field(default_factory=dict)
    kept: Kept = field(default_factory=dict)

    def observed(self, name: str) -> Observed:
        """What the program read of one service at its start."""
        return Observed(
            release=self.rollouts.get(name, LiveRelease()),
            content=self.content.get(name, Content()),
            sizing=self.sizings.get(name, Sizing()),
            kept=self.kept.get(name, frozenset()),
        )


def existing_ground(cluster: ExistingCluster, settings: StackSettings) -> Ground:
    """A cluster that somebody else made: labels, taints and what the settings bring to it."""
    access, services = access_to(cluster), settings.services
    place = refuse_moves(settings, access)
    live = look_at_nodes(cluster.nodes, access)
    _refuse_old(services, access)
    check_node_ports(settings, access)
    rollouts, sizings = look_at_rollouts(services, access), look_at_sizes(services, access)
    way = ExistingClusterAccess("cluster", cluster=cluster, access=access)
    on_cluster = pulumi.ResourceOptions(providers={"kubernetes": way.provider})
    placement = Placement("placement", nodes=cluster.nodes, live=live, access=access, opts=on_cluster)
    ready = [placement, *addons(cluster, access, on_cluster)]
    content = content_of(services, access)
    return Ground(
        access,
        rollouts,
        after(on_cluster, ready),
        lambda _: {},
        place=place,
        parts=[way, *ready],
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
    """The same options for what has to wait for these."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=resources))
