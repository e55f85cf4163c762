"""Everything of a cluster that is in AWS: network, certificates, secrets, machines, and the way to its API server."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components.machines import Endpoint, Machines
from components.network import Network
from components.pki import Pki
from components.storage import Storage
from render import cloud_init
from render.weights import goes_by_weights
from settings.ec2 import Ec2Cluster
from settings.service import ServiceSettings


class Ec2Machines(pulumi.ComponentResource):
    """The cluster's half in AWS. What runs on it goes through `provider`, and waits for the machines."""

    provider: kubernetes.Provider
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

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        services: Mapping[str, ServiceSettings],
        production: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("switchyard:cluster:Ec2", name, None, opts)
        # A provider of its own: the region is that of the settings, whatever the shell of the engineer says.
        region = aws.Provider(f"{name}-aws", region=cluster.region, opts=pulumi.ResourceOptions(parent=self))
        child = pulumi.ResourceOptions(parent=self, providers={"aws": region})

        network = Network(f"{name}-network", cluster=cluster, node_ports=_node_ports(cluster, services), opts=child)
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
            known = pulumi.Output.all(endpoint.public_ip, storage.bucket)
            return known.apply(
                lambda found: cloud_init.user_data(cluster, node, endpoint=found[0], backup_bucket=found[1])
            )

        machines = Machines(
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
        self.provider = kubernetes.Provider(
            f"{name}-provider",
            kubeconfig=pki.kubeconfig,
            # A renewed certificate changes the kubeconfig, and is not another cluster.
            cluster_identifier=cluster.identifier,
            enable_server_side_apply=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[machines]),
        )
        self.register_outputs(
            {
                "kubeconfig": self.kubeconfig,
                "endpoint": self.endpoint,
                "instance_ids": self.instance_ids,
                "vpc_id": self.vpc_id,
                "load_balancer_group_id": self.load_balancer_group_id,
            }
        )


def _node_ports(cluster: Ec2Cluster, services: Mapping[str, ServiceSettings]) -> tuple[int, ...]:
    """Ports that the load balancer reaches; none stands for all, where one of them is Kubernetes' to choose.

    Those of the colours' own Services always are.
    """
    routed = {route.service for route in cluster.load_balancer.routes} if cluster.load_balancer is not None else set()
    ports = {services[service].node_port for service in routed}
    by_colour = any(goes_by_weights(services[service]) for service in routed)
    return () if by_colour or None in ports else tuple(sorted(port for port in ports if port is not None))
