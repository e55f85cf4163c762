"""The cluster that a stack creates, in this order: machines, pod network, placement, add-ons, load balancer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pulumi

from components.cluster.addons import platform_addons, pod_network
from components.cluster.ec2 import Ec2Machines
from components.cluster.ec2_warnings import snapshot_due, warn_of_cluster
from components.cluster.last_update import (
    ADMITTED,
    NODES,
    URLS,
    LastUpdate,
    admitted,
    fixed_settings,
    last_update,
    refuse_another,
)
from components.cluster.load_balancer import AlbIngress
from components.cluster.load_balancer_routes import Routes
from components.cluster.placement import Placement, inspect_nodes
from components.cluster.target_nodes import inspect_target_nodes
from components.failures import errors_end_the_run, run_error
from components.node_ports import check_node_ports
from components.platform import ClusterPlatform, after
from components.relocation import refuse_moves
from components.services.autoscaling import inspect_sizes
from components.services.content import content_of
from components.services.live_rollouts import inspect_rollouts
from components.services.load_balancer_weights import inspect_weights
from switchyard.bootstrap.cloud_init import PHASE_FILE
from switchyard.config.errors import SettingsError
from switchyard.config.loader import StackSettings
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.validation.ec2 import refuse_skipped_minor
from switchyard.errors import VersionUnreadableError
from switchyard.gates.admission import inspect_templates
from switchyard.gates.rules.certificates import administrator_renewal
from switchyard.gates.rules.relocation import FIXED_OUTPUT, KUBECONFIG_OUTPUT
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.kube.nodes import LiveNode, server_version, stale_nodes
from switchyard.kube.waits import wait_for_api, wait_for_node
from switchyard.manifests.weights import switched_by_weights


def build_ec2_platform(cluster: Ec2Cluster, settings: StackSettings) -> ClusterPlatform:
    """Registers the cluster, and waits for each part before the next; services follow when its nodes are Ready."""
    services, production, last = settings.services, settings.production, last_update()
    refuse_another(cluster, last)
    last.warn_of_lost_networks(cluster)
    stack_kubeconfig = StackKubeconfig(last.kubeconfig)
    access = _probed(
        cluster, ClusterAccess(stack_kubeconfig=stack_kubeconfig, brings_argo_rollouts=bool(cluster.argo_rollouts))
    )
    location = refuse_moves(settings, access)
    check_node_ports(settings, access)
    live = _inspect(cluster, access, last)
    rollouts = {} if access.unreachable else inspect_rollouts(services, access)
    content = content_of(services, access)
    sizings = {} if access.unreachable else inspect_sizes(services, access)
    kept = {} if access.unreachable else inspect_templates(services, access, content)
    leaving = frozenset[str]() if access.unreachable else inspect_weights(cluster, services, access)
    inspect_target_nodes(cluster, services, access)
    wait = _Wait(cluster, access)
    machines = Ec2Machines(
        "cluster",
        cluster=cluster,
        services=services,
        production=production,
        stack_kubeconfig=stack_kubeconfig,
        wait_for_api=wait.for_api,
        existing=last.nodes,
        snapshots_since=snapshot_due(cluster, access, live),
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
    early_routes = routes_after() if by_weights else None
    early_ingresses = early_routes.register(leaving, pulumi.ResourceOptions()) if early_routes else []
    parts += ready

    def expose(released: Sequence[pulumi.Resource]) -> Mapping[str, Any]:
        outputs: dict[str, Any] = {
            KUBECONFIG_OUTPUT: machines.kubeconfig,
            # Known when every node is Ready: an update that is cut off before leaves none, and the next one waits.
            NODES: placement.nodes.apply(lambda _: machines.instance_ids),
            FIXED_OUTPUT: placement.nodes.apply(lambda _: fixed_settings(cluster)),
            ADMITTED: placement.nodes.apply(lambda _: admitted(cluster)),
            "apiServer": machines.endpoint,
        }
        if cluster.load_balancer is not None:
            routes = early_routes or routes_after(*released)
            parts.append(routes.balancer)
            routes.register_remaining(after=released if early_routes else ())
            balancer = routes.balancer
            pulumi.Output.all(balancer.urls, balancer.hostname).apply(lambda known: last.warn_of_lost_urls(*known))
            outputs |= {"loadBalancer": balancer.hostname, URLS: balancer.urls}
        else:
            last.warn_of_lost_urls({})
        return outputs

    before_services = after(on_cluster, [*ready, *early_ingresses])
    routing = early_routes.weighted_routing if early_routes else lambda _: None
    return ClusterPlatform(access, rollouts, before_services, expose, routing, location, parts, content, sizings, kept)


class _Wait:
    """Waits that report their progress, and whose errors name the log to read."""

    def __init__(self, cluster: Ec2Cluster, access: ClusterAccess) -> None:
        self._cluster = cluster
        self._access = access
        self._seconds = cluster.machines.boot_timeout_seconds
        self._ids: dict[str, str] = {}

    def learn(self, instance_ids: Mapping[str, pulumi.Output[str]]) -> None:
        """Receives the IDs of the machines as soon as they are known."""
        pulumi.Output.all(**instance_ids).apply(self._ids.update)

    async def for_api(self, instance_id: str) -> None:
        """Waits until the API server answers on a machine."""
        hint = (
            "Does the address that this comes from (curl https://checkip.amazonaws.com) belong to "
            f"{CLUSTER}.network.administrators? {self._hint(self._cluster.control_plane, instance_id)}"
        )
        with errors_end_the_run():
            await wait_for_api(self._access, pulumi.log.info, hint, self._seconds)

    async def for_node(self, name: str) -> None:
        """Waits until a node is Ready."""
        hint = self._hint(name, self._ids.get(name, f"<instance of {name}>"))
        await wait_for_node(self._access, name, pulumi.log.info, hint, self._seconds)

    def _hint(self, node: str, instance_id: str) -> str:
        return (
            f"Inspect {node}: aws ssm start-session --region {self._cluster.region} --target {instance_id}, there: "
            f"cat {PHASE_FILE}; sudo tail -n 50 /var/log/cloud-init-output.log"
        )


def _probed(cluster: Ec2Cluster, access: ClusterAccess) -> ClusterAccess:
    """Asks for the version of the API server, which the settings must not skip a minor from.

    An API server that does not answer ends no run, which may be meant to replace its machine. But then the gates permit
    no step, whether it answers later or not. Objects without a gate, such as an Ingress, are changed if it does.
    """
    if not access.exists:
        return access
    # Before the API server is asked: it does not answer a client with an expired certificate.
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
    warn_of_cluster(cluster, access)
    return access


def _inspect(cluster: Ec2Cluster, access: ClusterAccess, last: LastUpdate) -> Mapping[str, LiveNode]:
    """The nodes of the cluster, and those that this update creates, without nodes that are lost."""
    if access.unreachable or not access.exists:
        return {name: LiveNode() for name in cluster.nodes}
    coming = {name: LiveNode() for name in cluster.nodes if name not in last.nodes}
    known = {name: node for name, node in cluster.nodes.items() if name in last.nodes}
    live = inspect_nodes(known, access)
    for warning in stale_nodes(live, last.nodes):
        pulumi.log.warn(warning)
    return {**coming, **live}
