"""The network of a cluster of EC2 machines: VPC, public subnets, security groups, flow logs."""

from collections.abc import Collection

import pulumi
import pulumi_aws as aws

from components.failures import run_error
from switchyard.aws import flow_log_policies
from switchyard.aws.iam import KEY_DELETION_DAYS
from switchyard.aws.security_groups import (
    ANYWHERE,
    DESCRIPTIONS,
    Direction,
    Group,
    GroupRule,
    group_tags,
    problems,
    rules,
)
from switchyard.aws.tags import cluster_tag, tags
from switchyard.config.errors import SettingsError
from switchyard.config.models.ec2 import Ec2Cluster

_AnyRule = aws.vpc.SecurityGroupIngressRule | aws.vpc.SecurityGroupEgressRule


class ClusterNetwork(pulumi.ComponentResource):
    """A VPC with public subnets and their route to the internet, security groups with their rules, and flow logs.

    An id is known only when what belongs to it exists: that of a subnet with its route to the internet, that of a
    group with its rules. A subnet assigns no public address by itself: a machine asks for its own.
    """

    vpc_id: pulumi.Output[str]
    """Id of the VPC."""

    subnet_ids: dict[str, pulumi.Output[str]]
    """Id of the public subnet of each zone."""

    node_group_id: pulumi.Output[str]
    """Id of the security group of all machines, the only one with the cluster's tag."""

    control_plane_group_id: pulumi.Output[str]
    """ID of the additional security group of the control plane."""

    load_balancer_group_id: pulumi.Output[str]
    """Id of the load balancer's security group."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        node_ports: Collection[int] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the network.

        Args:
            name: name of the component.
            cluster: the cluster.
            node_ports: ports of the services behind the load balancer, when all of them are fixed.
            opts: options of the component.

        Raises:
            RunError: there are more rules than AWS takes.
        """
        wanted = rules(cluster, node_ports)
        if refused := problems(wanted):
            raise run_error(SettingsError(refused))
        super().__init__("switchyard:network:Network", name, None, opts)
        self._name = name
        self._cluster = cluster
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=str(cluster.network.vpc),
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=tags(self._cluster, "vpc"),
            opts=self._child(),
        )
        # Without rules: a machine that is started without a group of its own reaches nothing.
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-group", vpc_id=vpc.id, tags=tags(self._cluster, "default-closed"), opts=self._child()
        )
        self.vpc_id = vpc.id
        self.subnet_ids = self._subnets(vpc)
        ids = self._groups(vpc, wanted)
        self.node_group_id = ids[Group.NODES]
        self.control_plane_group_id = ids[Group.CONTROL_PLANE]
        self.load_balancer_group_id = ids[Group.LOAD_BALANCER]
        self._flow_logs(vpc)
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "subnet_ids": self.subnet_ids,
                "node_group_id": self.node_group_id,
                "control_plane_group_id": self.control_plane_group_id,
                "load_balancer_group_id": self.load_balancer_group_id,
            }
        )

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=after)

    def _subnets(self, vpc: aws.ec2.Vpc) -> dict[str, pulumi.Output[str]]:
        gateway = aws.ec2.InternetGateway(
            f"{self._name}-gateway", vpc_id=vpc.id, tags=tags(self._cluster, "gateway"), opts=self._child()
        )
        table = aws.ec2.RouteTable(
            f"{self._name}-routes", vpc_id=vpc.id, tags=tags(self._cluster, "public"), opts=self._child()
        )
        route = aws.ec2.Route(
            f"{self._name}-internet",
            route_table_id=table.id,
            destination_cidr_block=str(ANYWHERE),
            gateway_id=gateway.id,
            opts=self._child(),
        )
        ids = {}
        for zone, addresses in self._cluster.network.subnets.items():
            subnet = aws.ec2.Subnet(
                f"{self._name}-subnet-{zone}",
                vpc_id=vpc.id,
                availability_zone=zone,
                cidr_block=str(addresses),
                map_public_ip_on_launch=False,
                tags={
                    **tags(self._cluster, f"public-{zone}"),
                    **cluster_tag(self._cluster),
                    # A public load balancer goes here; the controller finds its subnets by this tag.
                    "kubernetes.io/role/elb": "1",
                },
                opts=self._child(),
            )
            association = aws.ec2.RouteTableAssociation(
                f"{self._name}-routes-{zone}", route_table_id=table.id, subnet_id=subnet.id, opts=self._child(route)
            )
            # The association's own value, so that whoever has it waits for the route as well.
            ids[zone] = association.subnet_id.apply(lambda subnet_id: subnet_id or "")
        return ids

    def _groups(self, vpc: aws.ec2.Vpc, wanted: Collection[GroupRule]) -> dict[Group, pulumi.Output[str]]:
        groups = {
            group: aws.ec2.SecurityGroup(
                f"{self._name}-{group}",
                name=f"{self._cluster.name}-{group}",
                description=DESCRIPTIONS[group],
                vpc_id=vpc.id,
                tags={**tags(self._cluster, group), **group_tags(self._cluster, group)},
                opts=self._child(),
            )
            for group in Group
        }
        ids = {}
        for group, resource in groups.items():
            group_rules = [self._rule(rule, groups) for rule in wanted if rule.group is group]
            # The rules' own values are known in a preview even for a rule that is new, which its id is not: so a new
            # rule never looks as if every machine changed.
            ids[group] = pulumi.Output.all(resource.id, *(rule.security_group_id for rule in group_rules)).apply(_first)
        return ids

    def _rule(self, rule: GroupRule, groups: dict[Group, aws.ec2.SecurityGroup]) -> _AnyRule:
        kind: type[_AnyRule] = aws.vpc.SecurityGroupEgressRule
        if rule.direction is Direction.INGRESS:
            kind = aws.vpc.SecurityGroupIngressRule
        aliases = None if rule.former_name is None else [pulumi.Alias(name=f"{self._name}-{rule.former_name}")]
        return kind(
            f"{self._name}-{rule.name}",
            security_group_id=groups[rule.group].id,
            ip_protocol=rule.ports.protocol,
            from_port=rule.ports.first,
            to_port=rule.ports.last,
            referenced_security_group_id=groups[rule.peer].id if isinstance(rule.peer, Group) else None,
            cidr_ipv4=None if isinstance(rule.peer, Group) else str(rule.peer),
            description=rule.description,
            tags=tags(self._cluster, rule.name),
            opts=pulumi.ResourceOptions.merge(self._child(), pulumi.ResourceOptions(aliases=aliases)),
        )

    def _flow_logs(self, vpc: aws.ec2.Vpc) -> None:
        region, account = self._cluster.region, vpc.owner_id
        log_name = f"/switchyard/{self._cluster.name}/flow-logs"
        key = aws.kms.Key(
            f"{self._name}-flow-logs-key",
            description=f"Flow logs of {self._cluster.name}",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DELETION_DAYS,
            policy=account.apply(lambda owner: flow_log_policies.key(region, owner, log_name)),
            tags=tags(self._cluster, "flow-logs"),
            opts=self._child(),
        )
        logs = aws.cloudwatch.LogGroup(
            f"{self._name}-flow-logs-group",
            name=log_name,
            retention_in_days=self._cluster.network.flow_log_days,
            kms_key_id=key.arn,
            tags=tags(self._cluster, "flow-logs"),
            opts=self._child(),
        )
        role = aws.iam.Role(
            f"{self._name}-flow-logs-role",
            name=f"{self._cluster.name}-flow-logs",
            description=f"Writes the flow logs of {self._cluster.name}",
            assume_role_policy=account.apply(lambda owner: flow_log_policies.trust(region, owner)),
            tags=tags(self._cluster, "flow-logs"),
            opts=self._child(),
        )
        policy = aws.iam.RolePolicy(
            f"{self._name}-flow-logs-policy",
            name="write-flow-logs",
            role=role.id,
            policy=account.apply(lambda owner: flow_log_policies.write(region, owner, log_name)),
            opts=self._child(),
        )
        aws.ec2.FlowLog(
            f"{self._name}-flow-logs",
            vpc_id=vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=logs.arn,
            iam_role_arn=role.arn,
            tags=tags(self._cluster, "flow-logs"),
            opts=self._child(policy),
        )


def _first(values: list[str]) -> str:
    return values[0]
