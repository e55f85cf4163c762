"""Everything of a cluster that is in AWS: network, certificates, secrets, machines, and the way to its API server."""

from collections.abc import Awaitable, Callable, Mapping

import pulumi
import pulumi_aws as aws

from components.cluster.access_logs import AccessLogs
from components.cluster.instances import ClusterMachines, Endpoint
from components.cluster.network import ClusterNetwork
from components.cluster.pki import Pki
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
    """The cluster's half in AWS. What runs on it goes through `provider`, and waits for the machines."""

    provider: KubernetesProvider
    """Every object of the stack goes through it."""

    kubeconfig: pulumi.Output[str]
    """The administrator's, secret."""

    endpoint: pulumi.Output[str]
    """What clients of the API server call."""

    instance_ids: dict[str, pulumi.Output[str]]
    """By node."""

    vpc_id: pulumi.Output[str]
    """Of the VPC."""

    load_balancer_group_id: pulumi.Output[str]
    """Security group of the load balancer."""

    access_log_bucket: pulumi.Output[str] | None
    """Name of the bucket for the load balancer's access logs; None where the settings ask for none."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        services: Mapping[str, ServiceSettings],
        production: bool,
        made: StackKubeconfig,
        answers: Callable[[str], Awaitable[None]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers it.

        Args:
            name: of the component.
            cluster: its settings.
            services: settings of all services, for the ports that the load balancer reaches.
            production: whether the stack is marked so.
            made: gets the kubeconfig, before anything goes through the provider.
            answers: waits for the API server's first answer; takes the instance of the control plane.
            opts: of the component.
        """
        super().__init__("switchyard:cluster:Ec2", name, None, opts)
        # A provider of its own: the region is that of the settings, whatever the shell of the engineer says.
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
        behind = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[network]))
        endpoint = Endpoint(f"{name}-endpoint", cluster=cluster, opts=behind)
        pki = Pki(f"{name}-pki", cluster=cluster, endpoint=endpoint.public_ip, opts=child)
        storage = Storage(
            f"{name}-storage",
            cluster=cluster,
            production=production,
            secrets=cloud_init.secrets(pki.files, pki.join_token, pki.discovery_hash),
            opts=child,
        )

        def user_data(node: str) -> pulumi.Output[str]:
            def rendered(values: list[str]) -> str:
                address, bucket = values
                with errors_end_the_run():
                    return cloud_init.user_data(cluster, node, endpoint=address, backup_bucket=bucket)

            return pulumi.Output.all(endpoint.public_ip, storage.bucket).apply(rendered)

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
                pki.kubeconfig, machines, machines.instance_ids[cluster.control_plane], made, answers
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
    made: StackKubeconfig,
    answers: Callable[[str], Awaitable[None]],
) -> pulumi.Output[str]:
    """The provider's, which a new cluster gives it only when its API server answers.

    The provider (4.25.0) asks for the schema when it is configured, once: a cluster that does not answer then is
    unreachable for the rest of the update.
    """
    if made.exists:
        # What it is made from is known in a preview as well, so that the preview asks the API server.
        return text.apply(made.update)

    async def first(known: list[str]) -> str:
        kubeconfig, id_, _ = known
        made.update(kubeconfig)
        if not (pulumi.runtime.is_dry_run() or is_destroy()):
            await answers(id_)
        return kubeconfig

    return pulumi.Output.all(text, instance_id, machines.endpoint).apply(first)


def _node_ports(cluster: Ec2Cluster, services: Mapping[str, ServiceSettings]) -> tuple[int, ...]:
    """Ports that the load balancer reaches; none stands for all, where one of them is Kubernetes' to choose.

    Those of the colours' own Services always are.
    """
    routed = {route.service for route in cluster.load_balancer.routes} if cluster.load_balancer is not None else set()
    ports = {services[service].node_port for service in routed}
    by_colour = any(switched_by_weights(services[service]) for service in routed)
    return () if by_colour or None in ports else tuple(sorted(port for port in ports if port is not None))
