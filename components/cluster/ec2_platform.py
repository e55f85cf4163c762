"""The cluster that a stack makes itself, in its order: machines, pod network, placement, add-ons, load balancer."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pulumi

from components.cluster.addons import platform_addons, pod_network
from components.cluster.ec2 import Ec2Machines
from components.cluster.load_balancer import AlbIngress
from components.cluster.load_balancer_routes import Routes
from components.cluster.placement import Placement, inspect_nodes
from components.failures import errors_end_the_run, run_error
from components.node_ports import check_node_ports
from components.platform import ClusterPlatform, after
from components.relocation import last_outputs, refuse_moves
from components.services.autoscaling import inspect_sizes
from components.services.content import content_of
from components.services.live_releases import inspect_rollouts
from components.services.load_balancer_weights import inspect_weights
from switchyard.bootstrap.cloud_init import PHASE_FILE
from switchyard.config.errors import Problem, SettingsError, shown
from switchyard.config.loader import StackSettings
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.validation.ec2 import refuse_skipped_minor
from switchyard.errors import ClusterError, VersionUnreadableError
from switchyard.gates.admission import inspect_templates
from switchyard.gates.certificates import authorities_on_machines, server_certificate
from switchyard.gates.rules.certificates import administrator_renewal, authority_warnings, server_warning
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.kube.blocking import run_blocking
from switchyard.kube.nodes import LiveNode, server_version, stale_nodes
from switchyard.kube.waits import wait_for_api, wait_for_node
from switchyard.manifests.weights import switched_by_weights

KUBECONFIG = "kubeconfig"
"""Output of the stack: the administrator's kubeconfig, secret."""

NODES = "nodes"
"""Output of the stack: instance id by node, of nodes that are Ready."""


FIXED = "identity"
"""Output of the stack: settings that its machines and certificates are made from, by their keys."""


@dataclass(frozen=True)
class Before:
    """What the update before has left.

    Attributes:
        kubeconfig: None before the first update, or when that did not end well.
        nodes: instance id by node.
        fixed: what cannot change any more, by its key.
    """

    kubeconfig: str | None = None
    nodes: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)


def build_ec2_platform(cluster: Ec2Cluster, settings: StackSettings) -> ClusterPlatform:
    """Makes the cluster, and waits for each part before the next; ready for services when its nodes are."""
    services, production, before = settings.services, settings.production, _before()
    _refuse_another(cluster, before)
    made = StackKubeconfig(before.kubeconfig)
    access = _probed(cluster, ClusterAccess(stack_kubeconfig=made, brings_argo_rollouts=bool(cluster.argo_rollouts)))
    location = refuse_moves(settings, access)
    check_node_ports(settings, access)
    live = _inspect(cluster, access, before)
    rollouts = {} if access.unreachable else inspect_rollouts(services, access)
    content = content_of(services, access)
    sizings = {} if access.unreachable else inspect_sizes(services, access)
    kept = {} if access.unreachable else inspect_templates(services, access, content)
    leaving = frozenset[str]() if access.unreachable else inspect_weights(cluster, services, access)
    wait = _Wait(cluster, access)
    machines = Ec2Machines(
        "cluster", cluster=cluster, services=services, production=production, made=made, answers=wait.for_api
    )
    wait.learn(machines.instance_ids)
    on_cluster = pulumi.ResourceOptions(providers={"kubernetes": machines.provider})
    network = pod_network(cluster, access, on_cluster)
    placement = Placement(
        "placement",
        nodes=cluster.nodes,
        live=live,
        access=access,
        arrival=wait.for_node,
        opts=after(on_cluster, [network]),
    )
    parts: list[pulumi.Resource] = [machines, network, placement]
    ready = [placement, *platform_addons(cluster, machines.vpc_id, access, after(on_cluster, [placement]))]

    def routes_after(*before: pulumi.Resource) -> Routes:
        balancer = AlbIngress(
            "load-balancer",
            cluster=cluster,
            services=services,
            production=production,
            security_group_id=machines.load_balancer_group_id,
            access_log_bucket=machines.access_log_bucket,
            access=access,
            opts=after(on_cluster, [*ready, *before]),
        )
        return Routes(balancer, cluster, services)

    # Before the services only where one of them registers an Ingress itself, or loses ports that its Ingress names.
    by_weights = leaving or any(map(switched_by_weights, services.values()))
    early = routes_after() if by_weights else None
    first = early.register(leaving, pulumi.ResourceOptions()) if early else []
    parts += ready

    def expose(released: Sequence[pulumi.Resource]) -> Mapping[str, Any]:
        outputs: dict[str, Any] = {
            KUBECONFIG: machines.kubeconfig,
            # Known when every node is Ready: an update that is cut off before leaves none, and the next one waits.
            NODES: placement.nodes.apply(lambda _: machines.instance_ids),
            FIXED: placement.nodes.apply(lambda _: _fixed(cluster)),
            "apiServer": machines.endpoint,
        }
        if cluster.load_balancer is not None:
            routes = early or routes_after(*released)
            parts.append(routes.balancer)
            routes.register_remaining(after=released if early else ())
            outputs |= {"loadBalancer": routes.balancer.hostname, "urls": routes.balancer.urls}
        return outputs

    before_services = after(on_cluster, [*ready, *first])
    routing = early.weighted_routing if early else lambda _: None
    return ClusterPlatform(access, rollouts, before_services, expose, routing, location, parts, content, sizings, kept)


class _Wait:
    """Waits that an engineer can follow, and that end with where to look."""

    def __init__(self, cluster: Ec2Cluster, access: ClusterAccess) -> None:
        self._cluster = cluster
        self._access = access
        self._seconds = cluster.machines.boot_timeout_seconds
        self._ids: dict[str, str] = {}

    def learn(self, instance_ids: Mapping[str, pulumi.Output[str]]) -> None:
        """Takes the machines' ids, as soon as there are some."""
        pulumi.Output.all(**instance_ids).apply(self._ids.update)

    async def for_api(self, instance_id: str) -> None:
        """Until the API server answers, on that machine."""
        where = (
            "Does the address that this comes from (curl https://checkip.amazonaws.com) belong to "
            f"{CLUSTER}.network.administrators? {self._where(self._cluster.control_plane, instance_id)}"
        )
        with errors_end_the_run():
            await wait_for_api(self._access, pulumi.log.info, where, self._seconds)

    async def for_node(self, name: str) -> None:
        """Until a node is Ready."""
        where = self._where(name, self._ids.get(name, f"<instance of {name}>"))
        await wait_for_node(self._access, name, pulumi.log.info, where, self._seconds)

    def _where(self, node: str, instance_id: str) -> str:
        return (
            f"Look at {node}: aws ssm start-session --region {self._cluster.region} --target {instance_id}, there: "
            f"cat {PHASE_FILE}; sudo tail -n 50 /var/log/cloud-init-output.log"
        )


def _before() -> Before:
    """The stack's own outputs, as its last update left them, the secret one in plain: it stays in memory."""
    outputs = last_outputs()
    return Before(outputs.get(KUBECONFIG), outputs.get(NODES) or {}, outputs.get(FIXED) or {})


def _fixed(cluster: Ec2Cluster) -> dict[str, str]:
    """What a cluster is made from once: another value would replace it, or leave it with two halves."""
    network = cluster.network
    return {
        "name": cluster.name,
        "region": cluster.region,
        "hostname": cluster.hostname or "",
        "network.vpc": str(network.vpc),
        "network.pods": str(network.pods),
        "network.services": str(network.services),
        # Another validity would be other certificates of the authorities, which the machines do not get.
        "pki.caDays": str(cluster.pki.ca_days),
    }


def _refuse_another(cluster: Ec2Cluster, before: Before) -> None:
    """Refuses settings of another cluster than the one that runs."""
    problems = [
        Problem(
            f"{CLUSTER}.{key}",
            shown(value),
            f"the cluster that runs has {shown(before.fixed[key])}, which is fixed when it is made",
            "Set it back, or make another stack.",
        )
        for key, value in _fixed(cluster).items()
        if key in before.fixed and before.fixed[key] != value
    ]
    if problems:
        raise run_error(SettingsError(problems))


def _probed(cluster: Ec2Cluster, access: ClusterAccess) -> ClusterAccess:
    """Asks for the version of the API server, which the settings must not skip a minor from.

    One that does not answer ends no run: to replace its machine may be what the run is for. But no gate lets anything
    pass then, whether it answers later or not. What has no gate, an Ingress for one, is changed if it does.
    """
    if not access.exists:
        return access
    # Before the API server is asked: to one that has ended it answers nothing.
    if access.stack_kubeconfig is not None:
        renewal = administrator_renewal(
            access.stack_kubeconfig.parsed(), cluster.pki.renew_before_days, datetime.now(UTC)
        )
        if renewal is not None:
            pulumi.log.warn(renewal)
    try:
        version = server_version(access)
    except VersionUnreadableError as error:
        pulumi.log.warn(f"{error}. Nothing on the cluster is inspected or changed in this run; its machines can be")
        return replace(access, unreachable=True)
    if (problem := refuse_skipped_minor(version, cluster.kubernetes)) is not None:
        raise run_error(SettingsError([problem]))
    _warn_of_certificates(cluster, access)
    return access


def _warn_of_certificates(cluster: Ec2Cluster, access: ClusterAccess) -> None:
    if access.stack_kubeconfig is None:
        return
    kubeconfig, days, now = access.stack_kubeconfig.parsed(), cluster.pki.renew_before_days, datetime.now(UTC)
    warnings: list[str | None] = []
    try:
        on_machines = run_blocking(authorities_on_machines(access))
    except ClusterError:
        on_machines = {}  # those of the stack are as old
    warnings += authority_warnings(kubeconfig, on_machines, days, now)
    with contextlib.suppress(ClusterError):  # who needs the API server finds out
        warnings.append(server_warning(server_certificate(kubeconfig), days, now))
    for warning in filter(None, warnings):
        pulumi.log.warn(warning)


def _inspect(cluster: Ec2Cluster, access: ClusterAccess, before: Before) -> Mapping[str, LiveNode]:
    """The nodes as they are, and those that this update makes; one that is lost is left out."""
    if access.unreachable or not access.exists:
        return {name: LiveNode() for name in cluster.nodes}
    coming = {name: LiveNode() for name in cluster.nodes if name not in before.nodes}
    known = {name: node for name, node in cluster.nodes.items() if name in before.nodes}
    live = inspect_nodes(known, access)
    for warning in stale_nodes(live, before.nodes):
        pulumi.log.warn(warning)
    return {**coming, **live}
