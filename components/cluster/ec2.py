"""The AWS resources of a cluster: network, certificates, secrets, machines, and the provider for its API server."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime

import pulumi
import pulumi_aws as aws

from components.cluster.access_logs import AccessLogs
from components.cluster.instance_offers import check_instances
from components.cluster.instances import ApiEndpoint, ClusterMachines
from components.cluster.network import ClusterNetwork
from components.cluster.pki import Pki
from components.cluster.snapshots import warn_of_late_snapshots
from components.cluster.storage import Storage
from components.failures import errors_end_the_run
from components.kubernetes_provider import KubernetesProvider
from switchyard.bootstrap import cloud_init
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import ServiceSettings
from switchyard.kube.access import StackKubeconfig
from switchyard.manifests.weights import switched_by_weights
from switchyard.operation import is_destroy


class Ec2Machines(pulumi.ComponentResource):
    """The AWS resources of a cluster. Objects on the cluster go through `provider`, and wait for the machines.

    It creates an AWS provider for the region, the network, the endpoint, certificates and keys, the storage, the
    machines, the bucket for access logs where the settings ask for it, and the Kubernetes provider.
    """

    provider: KubernetesProvider
    """The Kubernetes provider of every object of the stack."""

    kubeconfig: pulumi.Output[str]
    """The administrator's kubeconfig, secret."""

    endpoint: pulumi.Output[str]
    """Host that clients of the API server call."""

    instance_ids: dict[str, pulumi.Output[str]]
    """Instance id of each node, by its name."""

    vpc_id: pulumi.Output[str]
    """Id of the VPC."""

    load_balancer_group_id: pulumi.Output[str]
    """Id of the security group of the load balancer."""

    access_log_bucket: pulumi.Output[str] | None
    """Name of the bucket for the load balancer's access logs; None where the settings ask for none."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        services: Mapping[str, ServiceSettings],
        production: bool,
        stack_kubeconfig: StackKubeconfig,
        wait_for_api: Callable[[str], Awaitable[None]],
        existing: Collection[str] = (),
        snapshots_since: datetime | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the resources.

        Args:
            name: name of the component.
            cluster: settings of the cluster.
            services: settings of all services, for the ports that the load balancer reaches.
            production: whether the stack is marked production.
            stack_kubeconfig: receives the kubeconfig before the provider registers an object.
            wait_for_api: waits for the first answer of the API server, given the instance ID of the control plane.
            existing: names of the nodes that have a machine; empty before the cluster has run.
            snapshots_since: the moment since which there must be a snapshot of etcd; None if none is due yet.
            opts: options of the component.
        """
        super().__init__("switchyard:cluster:Ec2", name, None, opts)
        # An explicit provider: the region is that of the settings, whatever the environment has.
        region = aws.Provider(
            f"{name}-aws",
            region=cluster.region,
            allowed_account_ids=None if cluster.account is None else [cluster.account],
            opts=pulumi.ResourceOptions(parent=self),
        )
        child = pulumi.ResourceOptions(parent=self, providers={"aws": region})

        network = ClusterNetwork(
            f"{name}-network", cluster=cluster, node_ports=_node_ports(cluster, services), opts=child
        )
        # At a destroy the gateway cannot go while a machine has a public address.
        after_network = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[network]))
        endpoint = ApiEndpoint(f"{name}-endpoint", cluster=cluster, opts=after_network)
        pki = Pki(f"{name}-pki", cluster=cluster, endpoint=endpoint.public_ip, opts=child)
        storage = Storage(
            f"{name}-storage",
            cluster=cluster,
            production=production,
            secrets=cloud_init.secrets(pki.files, pki.join_token, pki.discovery_hash),
            opts=child,
        )
        warn_of_late_snapshots(storage, storage.bucket, cluster.backup, snapshots_since)
        checked = None if is_destroy() else check_instances(storage, cluster, existing)

        def user_data(node: str) -> pulumi.Output[str]:
            def rendered(values: list[str]) -> str:
                address, bucket, _ = values
                with errors_end_the_run():
                    return cloud_init.user_data(
                        cluster, node, endpoint=address, backup_bucket=bucket, cluster_exists=bool(existing)
                    )

            return pulumi.Output.all(endpoint.public_ip, storage.bucket, checked).apply(rendered)

        machines = ClusterMachines(
            f"{name}-machines",
            cluster=cluster,
            production=production,
            network=network,
            storage=storage,
            endpoint=endpoint,
            user_data=user_data,
            after=[network],
            opts=child,
        )

        self.kubeconfig = pki.kubeconfig
        self.endpoint = machines.endpoint
        self.instance_ids = machines.instance_ids
        self.vpc_id = network.vpc_id
        self.load_balancer_group_id = network.load_balancer_group_id
        self.access_log_bucket = None
        if cluster.load_balancer is not None and cluster.load_balancer.access_logs:
            logs = AccessLogs(f"{name}-storage-access-logs", cluster=cluster, production=production, opts=child)
            self.access_log_bucket = logs.bucket
        self.provider = KubernetesProvider(
            f"{name}-provider",
            kubeconfig=_kubeconfig(
                pki.kubeconfig, machines, machines.instance_ids[cluster.control_plane], stack_kubeconfig, wait_for_api
            ),
            # A renewed certificate changes the kubeconfig, and is not another cluster.
            cluster_identifier=cluster.identifier,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[machines]),
        )
        self.register_outputs(
            {
                "kubeconfig": self.kubeconfig,
                "endpoint": self.endpoint,
                "instance_ids": self.instance_ids,
                "vpc_id": self.vpc_id,
                "load_balancer_group_id": self.load_balancer_group_id,
                "access_log_bucket": self.access_log_bucket,
            }
        )


def _kubeconfig(
    text: pulumi.Output[str],
    machines: ClusterMachines,
    instance_id: pulumi.Output[str],
    stack_kubeconfig: StackKubeconfig,
    wait_for_api: Callable[[str], Awaitable[None]],
) -> pulumi.Output[str]:
    """The kubeconfig for the provider, which it gets only when the API server of a new cluster answers.

    The provider (4.25.0) asks for the schema when it is configured, once: a cluster that does not answer then is
    unreachable for the rest of the update.
    """
    if stack_kubeconfig.exists:
        # Its parts are known in a preview as well, so that the preview asks the API server.
        return text.apply(stack_kubeconfig.update)

    async def first(values: list[str]) -> str:
        kubeconfig, id_, _ = values
        stack_kubeconfig.update(kubeconfig)
        if not (pulumi.runtime.is_dry_run() or is_destroy()):
            await wait_for_api(id_)
        return kubeconfig

    return pulumi.Output.all(text, instance_id, machines.endpoint).apply(first)


def _node_ports(cluster: Ec2Cluster, services: Mapping[str, ServiceSettings]) -> tuple[int, ...]:
    """Node ports that the load balancer reaches; empty stands for all, where Kubernetes chooses one of them.

    It always chooses those of the colours' own Services.
    """
    routed = {route.service for route in cluster.load_balancer.routes} if cluster.load_balancer is not None else set()
    ports = {services[service].node_port for service in routed}
    by_colour = any(switched_by_weights(services[service]) for service in routed)
    return () if by_colour or None in ports else tuple(sorted(port for port in ports if port is not None))
