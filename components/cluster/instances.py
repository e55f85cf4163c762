"""The machines, their permissions in AWS, and the address of the API server."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import pulumi
import pulumi_aws as aws

from components.cluster.storage import Storage
from components.guard import machine_hook
from switchyard.aws import iam, policy_documents
from switchyard.aws.security_groups import GROUPS_OF, Group
from switchyard.aws.tags import cluster_tag, tags
from switchyard.bootstrap import cloud_init
from switchyard.codes import Code
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.nodes import NodeSettings, Role
from switchyard.gates.rules.refusal import notice
from switchyard.gates.runbook import section

UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
"""Canonical's own parameter with the newest image of Ubuntu 24.04 LTS in the region."""

PINNED = [
    "ami",
    "instanceType",
    "ebsOptimized",
    "availabilityZone",
    "subnetId",
    "userData",
    "userDataBase64",
    "associatePublicIpAddress",
]
"""Properties that a machine keeps from its creation, by the provider's names, whatever the settings become.

Another image, type, zone or user data would stop or replace the machine, several at once and none drained. The public
address reads as off while a machine is stopped, and would replace it at the next update after a refresh. A replacement
that is asked for (``pulumi up --target-replace``) takes the new values: for it the engine does not compare the old
ones. That of the control plane needs the association of its address as a ``--target`` besides: an untargeted resource
keeps its old inputs, and the address would go to the machine that is gone.
"""


class NetworkIds(Protocol):
    """Ids of the network that machines need."""

    @property
    def vpc_id(self) -> pulumi.Output[str]:
        """Id of the VPC."""

    @property
    def subnet_ids(self) -> Mapping[str, pulumi.Output[str]]:
        """Id of the public subnet of each zone."""

    @property
    def node_group_id(self) -> pulumi.Output[str]:
        """Id of the security group of all nodes, which has the cluster's tag."""

    @property
    def control_plane_group_id(self) -> pulumi.Output[str]:
        """Id of the additional security group of the control plane."""


class ApiEndpoint(pulumi.ComponentResource):
    """An Elastic IP for the API server, known before its certificates are created and before a machine has it."""

    allocation_id: pulumi.Output[str]
    """Allocation id of the Elastic IP."""
    public_ip: pulumi.Output[str]
    """The Elastic IP, to which a hostname in the settings must resolve."""
    host: pulumi.Output[str]
    """Host that clients call: the hostname of the settings, else the Elastic IP."""

    def __init__(self, name: str, *, cluster: Ec2Cluster, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("switchyard:machines:Endpoint", name, None, opts)
        address = aws.ec2.Eip(
            f"{name}-address", domain="vpc", tags=tags(cluster, "api"), opts=pulumi.ResourceOptions(parent=self)
        )
        self.allocation_id = address.allocation_id
        self.public_ip = address.public_ip
        self.host = address.public_ip if cluster.hostname is None else pulumi.Output.from_input(cluster.hostname)
        self.register_outputs({"allocation_id": self.allocation_id, "public_ip": self.public_ip, "host": self.host})


class ClusterMachines(pulumi.ComponentResource):
    """An instance for each row of the node table, with an IAM role for the control plane and one for all workers.

    The AWS Load Balancer Controller runs with hostNetwork on a worker, so that its permissions are the workers': hop
    limit 1 keeps every other pod from them, and the control plane's backups from the controller.
    """

    instance_ids: dict[str, pulumi.Output[str]]
    """Instance id of each node, by its name."""
    endpoint: pulumi.Output[str]
    """Host that clients of the API server call, known when its address belongs to the control plane."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        production: bool,
        network: NetworkIds,
        storage: Storage,
        endpoint: ApiEndpoint,
        user_data: Callable[[str], pulumi.Input[str]],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the machines.

        Args:
            name: name of the component.
            cluster: settings of the cluster.
            production: whether machines are protected unless the settings say otherwise.
            network: ids of the network.
            storage: the key, secrets and bucket of the machines.
            endpoint: the Elastic IP of the API server.
            user_data: renders the user data of a node, which has no secret, from its name.
            after: resources that must exist before a machine starts, besides its role and secrets.
            opts: options of the component.
        """
        super().__init__("switchyard:machines:Machines", name, None, opts)
        self._name = name
        self._cluster = cluster
        self._network = network
        self._storage = storage
        self._child = pulumi.ResourceOptions(parent=self)
        wanted = cluster.machines.termination_protection
        self._protected = production if wanted is None else wanted

        image = self._image()
        profiles = {role: self._profile(role) for role in Role}
        instances = {}
        for node_name, node in cluster.nodes.items():
            profile, policies = profiles[node.role]
            # A machine asks for its secrets as soon as it starts.
            dependencies = [storage, *policies, *after]
            instances[node_name] = self._instance(node_name, node, image, profile, user_data(node_name), dependencies)
        self.instance_ids = {node_name: instance.id for node_name, instance in instances.items()}
        association = aws.ec2.EipAssociation(
            f"{name}-address",
            allocation_id=endpoint.allocation_id,
            instance_id=self.instance_ids[cluster.control_plane],
            opts=self._child,
        )
        self.endpoint = pulumi.Output.all(endpoint.host, association.id).apply(lambda values: str(values[0]))
        for node_name, instance in instances.items():
            self._compare(node_name, cluster.nodes[node_name], instance)
        self.register_outputs({"instance_ids": self.instance_ids, "endpoint": self.endpoint})

    def _compare(self, node_name: str, node: NodeSettings, instance: aws.ec2.Instance) -> None:
        """Warns of a machine that differs from the settings, which apply to it only after its replacement."""

        def compare(live: list[str]) -> None:
            wanted = [node.type, node.zone]
            if live != wanted:
                warning = notice(
                    Code.MACHINE_DIFFERS,
                    f"{CLUSTER}.nodes.{node_name}",
                    f"the machine is a {' in '.join(live)}, not a {' in '.join(wanted)}",
                    "A machine is not changed while it runs. Set the value back, or replace the machine: see "
                    f"{section('Replace a node')}",
                )
                pulumi.log.warn(warning, self)

        pulumi.Output.all(instance.instance_type, instance.availability_zone).apply(compare)

    def _image(self) -> pulumi.Input[str]:
        if self._cluster.machines.ami is not None:
            return self._cluster.machines.ami
        parameter = aws.ssm.get_parameter_output(name=UBUNTU, opts=pulumi.InvokeOutputOptions(parent=self))
        # The provider marks every parameter as secret; this one is public.
        return pulumi.Output.unsecret(parameter.value)

    def _profile(self, role: Role) -> tuple[aws.iam.InstanceProfile, list[aws.iam.RolePolicyAttachment]]:
        """An instance profile, and the attachments that must exist before a machine uses it."""
        prefix = f"{self._name}-{role.value}"
        role_name = {Role.CONTROL_PLANE: "control-plane", Role.WORKER: "worker"}[role]
        iam_role = aws.iam.Role(
            f"{prefix}-role",
            description=f"Machines of cluster {self._cluster.name}: {role_name}",
            assume_role_policy=policy_documents.text(iam.assume_role(self._cluster.region)),
            tags=tags(self._cluster, role_name),
            opts=self._child,
        )
        attached = []
        for purpose, document in self._documents(role).items():
            policy = aws.iam.Policy(
                f"{prefix}-{purpose}",
                policy=document,
                tags=tags(self._cluster, f"{role_name}-{purpose}"),
                opts=self._child,
            )
            attachment = aws.iam.RolePolicyAttachment(
                f"{prefix}-{purpose}", role=iam_role.name, policy_arn=policy.arn, opts=self._child
            )
            attached.append(attachment)
        profile = aws.iam.InstanceProfile(
            f"{prefix}-profile", role=iam_role.name, tags=tags(self._cluster, role_name), opts=self._child
        )
        return profile, attached

    def _documents(self, role: Role) -> dict[str, pulumi.Output[str]]:
        """The policies of a role, by purpose."""
        cluster, storage = self._cluster, self._storage
        caller = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=self))
        location = caller.arn.apply(lambda arn: iam.AwsLocation.of(arn, cluster.region))
        readable = [storage.parameter_arns[parameter] for parameter in cloud_init.readable_parameters(cluster, role)]
        node = pulumi.Output.all(location, storage.key_arn, *readable)
        documents = {"node": node.apply(lambda known: policy_documents.text(iam.node(known[0], known[1], known[2:])))}
        if role is Role.CONTROL_PLANE:
            bucket = pulumi.Output.all(location, storage.key_arn, storage.bucket_arn)
            documents["backup"] = bucket.apply(lambda known: policy_documents.text(iam.backup(*known)))
        elif cluster.load_balancer_controller is not None:
            waf = None if cluster.load_balancer is None else cluster.load_balancer.waf
            location_and_vpc = pulumi.Output.all(location, self._network.vpc_id)
            documents["load-balancer"] = location_and_vpc.apply(
                lambda known: policy_documents.text(iam.load_balancer_controller(known[0], cluster.name, known[1], waf))
            )
        return documents

    def _instance(
        self,
        node_name: str,
        node: NodeSettings,
        image: pulumi.Input[str],
        profile: aws.iam.InstanceProfile,
        user_data: pulumi.Input[str],
        dependencies: Sequence[pulumi.Resource],
    ) -> aws.ec2.Instance:
        groups = {
            Group.NODES: self._network.node_group_id,
            Group.CONTROL_PLANE: self._network.control_plane_group_id,
        }
        labels = tags(self._cluster, node_name)
        return aws.ec2.Instance(
            f"{self._name}-{node_name}",
            ami=image,
            instance_type=node.type,
            availability_zone=node.zone,
            subnet_id=self._network.subnet_ids[node.zone],
            vpc_security_group_ids=[groups[group] for group in GROUPS_OF[node.role]],
            # The subnets are public and have no NAT gateway: a machine without an address reaches no registry.
            associate_public_ip_address=True,
            iam_instance_profile=profile.name,
            user_data=user_data,
            user_data_replace_on_change=False,
            # Calico's VXLAN packets have the machines' own addresses, so that the check passes them.
            source_dest_check=True,
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
                "instance_metadata_tags": "disabled",
            },
            root_block_device={
                "volume_type": "gp3",
                "volume_size": node.disk_gb,
                "encrypted": True,
                "kms_key_id": self._storage.key_arn,
                "delete_on_termination": True,
                # Not `volume_tags`, which would also tag volumes that others attach to the machine later.
                "tags": labels,
            },
            ebs_optimized=True if node.machine.ebs_optimized else None,
            monitoring=True,
            credit_specification={"cpu_credits": self._cluster.machines.credits} if node.machine.burstable else None,
            disable_api_termination=self._protected,
            tags={**labels, **cluster_tag(self._cluster)},
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=dependencies,
                ignore_changes=PINNED,
                # Two machines cannot be one node: the old machine is drained and deleted first.
                delete_before_replace=True,
                # Nothing but the control plane runs on its machine, which is replaced when no API server answers.
                hooks=machine_hook() if node.role is Role.WORKER else None,
            ),
        )
