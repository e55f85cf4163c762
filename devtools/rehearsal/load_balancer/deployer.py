"""Creates and deletes the load balancers of a cluster in moto."""

import threading

from devtools.rehearsal.aws.resource_type import Request, ec2
from devtools.rehearsal.load_balancer.desired import (
    BALANCER_RESOURCE,
    PROTECTION,
    RESOURCE_TAG,
    Desired,
    DesiredListener,
)
from devtools.rehearsal.load_balancer.observed import Caller, Observed, ObservedLoadBalancer
from devtools.rehearsal.load_balancer.requests import (
    create_load_balancer,
    create_target_group,
    elb,
    listener,
    rules,
    set_attributes,
    tag_list,
)
from devtools.rehearsal.load_balancer.rules import plan, requests
from devtools.rehearsal.load_balancer.target_groups import DesiredTargetGroup
from devtools.rehearsal.provider import RefusedError
from devtools.rehearsal.tls import provider as tls
from devtools.rehearsal.values import Values

SUBNET_TAG = "kubernetes.io/role/elb"
"""Tag of the subnets in which the controller creates an internet-facing load balancer."""

INTERNAL_SUBNET_TAG = "kubernetes.io/role/internal-elb"

ZONES = 2
"""Zones that an application load balancer needs. Elastic Load Balancing enforces it, moto does not."""

RULES_LIMIT = 100
"""Rules of a load balancer, default ones not counted. AWS enforces it (as a quota), moto does not."""


class Deployer:
    """The load balancers of one cluster. Every call may raise `RefusedError`.

    A certificate that is not in moto is a real one of the user. A listener gets a certificate of the fake TLS provider
    instead.

    Args:
        aws: makes the calls.
        cluster: name of the cluster.
    """

    def __init__(self, aws: Caller, cluster: str) -> None:
        self._aws = aws
        self._cluster = cluster
        # A reader sees a load balancer before or after a change, and not during it.
        self._lock = threading.Lock()
        self._in_place_of: dict[str, str] = {}
        self._seen = Observed(aws, cluster, self._in_place_of)

    def apply(self, desired: Desired) -> None:
        """Creates or updates a load balancer, in the controller's order, as desired."""
        with self._lock:
            if (rules := sum(len(wanted.rules) for wanted in desired.listeners)) > RULES_LIMIT:
                raise RefusedError(f"TooManyRules: {desired.name} has {rules} rules, AWS takes {RULES_LIMIT}")
            if (other := self._find(desired.group)) is not None and other["LoadBalancerName"] != desired.name:
                raise RefusedError(f"{desired.name}: another scheme is another load balancer, which is not made here")
            vpc, subnets = self._place(desired)
            there = {
                target_group["TargetGroupName"]: target_group["TargetGroupArn"]
                for target_group in self._seen.target_groups(desired.group)
            }
            target_groups = {
                group.name: self._target_group(group, there.get(group.name), desired.tags, vpc)
                for group in desired.target_groups
            }
            self._listeners(self._balancer(desired, subnets), desired, target_groups)
            # The controller does this through TargetGroupBindings, which it writes after everything else.
            for group in desired.target_groups:
                self._register(group, target_groups[group.name], vpc)
            for name in there.keys() - target_groups.keys():
                self._aws.call(elb("DeleteTargetGroup", {"TargetGroupArn": there[name]}))

    def _balancer(self, desired: Desired, subnets: list[str]) -> str:
        """Creates or updates the load balancer itself; returns its ARN."""
        balancer = self._find(desired.group)
        if balancer is None:
            [balancer] = self._aws.call(create_load_balancer(desired, subnets))["LoadBalancers"]
        elif balancer["IpAddressType"] != desired.ip_address_type:
            raise RefusedError(f"{desired.name}: another type of address is not set here")
        arn = str(balancer["LoadBalancerArn"])
        groups = {"LoadBalancerArn": arn, "SecurityGroups": list(desired.security_groups)}
        self._aws.call(elb("SetSecurityGroups", groups))
        own = tag_list(desired.tags | {RESOURCE_TAG: BALANCER_RESOURCE})
        self._aws.call(elb("AddTags", {"ResourceArns": [arn], "Tags": own}))
        if desired.attributes:
            self._aws.call(set_attributes("LoadBalancer", arn, desired.attributes))
        return arn

    def remove(self, group: str) -> None:
        """Deletes the load balancer of a group, with its listeners and rules, and then the target groups."""
        with self._lock:
            balancer = self._find(group)
            if balancer is not None:
                arn = balancer["LoadBalancerArn"]
                if self._seen.attributes("LoadBalancer", arn).get(PROTECTION) == "true":
                    # moto deletes it even if it is protected.
                    raise RefusedError(
                        f"OperationNotPermitted: load balancer {arn} cannot be deleted: deletion protection is enabled"
                    )
                self._aws.call(elb("DeleteLoadBalancer", {"LoadBalancerArn": arn}))
            for target_group in self._seen.target_groups(group):
                self._aws.call(elb("DeleteTargetGroup", {"TargetGroupArn": target_group["TargetGroupArn"]}))

    def load_balancers(self) -> list[ObservedLoadBalancer]:
        """Returns the load balancers of the cluster."""
        with self._lock:
            return self._seen.load_balancers()

    def _find(self, group: str) -> Values | None:
        """The load balancer of a group, by its tags."""
        return next(iter(self._seen.balancers(group)), None)

    def _place(self, desired: Desired) -> tuple[str, list[str]]:
        """Id of the VPC of the security groups, and a subnet of it for each zone."""
        asked = ec2("DescribeSecurityGroups", {"GroupIds": list(desired.security_groups)})
        vpcs = sorted({group["VpcId"] for group in self._aws.call(asked)["SecurityGroups"]})
        tag = SUBNET_TAG if desired.scheme == "internet-facing" else INTERNAL_SUBNET_TAG
        filters = [{"Name": "vpc-id", "Values": vpcs}, {"Name": f"tag:{tag}", "Values": ["1", ""]}]
        available = self._aws.call(ec2("DescribeSubnets", {"Filters": filters}))["Subnets"]
        by_zone = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in available}
        if len(vpcs) != 1 or len(by_zone) < ZONES:
            raise RefusedError(f"{desired.name}: VPCs {vpcs} have subnets with tag {tag} in zones {sorted(by_zone)}")
        return vpcs[0], [by_zone[zone] for zone in sorted(by_zone)]

    def _target_group(self, group: DesiredTargetGroup, arn: str | None, tags: Values, vpc: str) -> str:
        """Creates or updates a target group; returns its ARN."""
        if arn is None:
            answer = self._aws.call(create_target_group(group, tags, vpc))
            arn = str(answer["TargetGroups"][0]["TargetGroupArn"])
        else:
            self._aws.call(elb("ModifyTargetGroup", {"TargetGroupArn": arn, **group.health}))
        if group.attributes:
            self._aws.call(set_attributes("TargetGroup", arn, group.attributes))
        return arn

    def _register(self, group: DesiredTargetGroup, arn: str, vpc: str) -> None:
        """Registers the targets of a group, and deregisters the others."""
        if group.targets is None:
            return
        before, after = set(self._seen.targets(arn)), set(group.targets)
        self._check_instances(after - before, vpc)
        for operation, ids in (("RegisterTargets", after - before), ("DeregisterTargets", before - after)):
            if ids:
                targets = [{"Id": id_, "Port": group.port} for id_ in sorted(ids)]
                self._aws.call(elb(operation, {"TargetGroupArn": arn, "Targets": targets}))

    def _check_instances(self, ids: set[str], vpc: str) -> None:
        """Refuses targets that Elastic Load Balancing would refuse; moto takes any."""
        if ids:
            reservations = self._aws.call(ec2("DescribeInstances", {"InstanceIds": sorted(ids)}))["Reservations"]
            for instance in (instance for reservation in reservations for instance in reservation["Instances"]):
                if instance["VpcId"] != vpc:
                    raise RefusedError(f"InvalidTarget: {instance['InstanceId']} is in {instance['VpcId']}, not {vpc}")

    def _listeners(self, balancer: str, desired: Desired, target_groups: dict[str, str]) -> None:
        there = {
            entry["Port"]: entry["ListenerArn"]
            for entry in self._seen.described("DescribeListeners", LoadBalancerArn=balancer)
        }
        for port in there.keys() - {wanted.port for wanted in desired.listeners}:
            self._aws.call(elb("DeleteListener", {"ListenerArn": there[port]}))
        for wanted in desired.listeners:
            self._listener(balancer, there.get(wanted.port), wanted, desired.tags, target_groups)

    def _listener(
        self, balancer: str, arn: str | None, desired: DesiredListener, tags: Values, target_groups: dict[str, str]
    ) -> None:
        """Creates or updates a listener, its further certificates and its rules."""
        parameters = listener(desired, None if desired.certificate is None else self._certificate(desired.certificate))
        own = tag_list(tags | {RESOURCE_TAG: str(desired.port)})
        if arn is None:
            creation = elb("CreateListener", {"LoadBalancerArn": balancer, "Tags": own, **parameters})
            arn = str(self._aws.call(creation)["Listeners"][0]["ListenerArn"])
        else:
            self._aws.call(elb("ModifyListener", {"ListenerArn": arn, **parameters}))
        self._list_certificates(arn, {self._certificate(name) for name in desired.listed})
        there = [rule for rule in self._seen.described("DescribeRules", ListenerArn=arn) if not rule["IsDefault"]]
        for request in requests(arn, desired.port, plan(there, rules(desired, target_groups)), tags):
            self._aws.call(request)

    def _list_certificates(self, listener: str, desired: set[str]) -> None:
        there = self._seen.listed_certificates(listener)
        for operation, arns in (
            ("RemoveListenerCertificates", there - desired),
            ("AddListenerCertificates", desired - there),
        ):
            if arns:
                listed = [{"CertificateArn": arn} for arn in sorted(arns)]
                self._aws.call(elb(operation, {"ListenerArn": listener, "Certificates": listed}))

    def _certificate(self, arn: str) -> str:
        """The certificate itself where moto has it, else one that stands for it."""
        if arn in self._in_place_of.values():
            return next(own for own, real in self._in_place_of.items() if real == arn)
        listed = self._aws.call(Request("acm", "ListCertificates", {}))["CertificateSummaryList"]
        if arn in {entry["CertificateArn"] for entry in listed}:
            return arn
        key = tls.Tls().create(tls.KEY, {"algorithm": "RSA", "rsaBits": 2048}).outputs["privateKeyPem"]
        inputs = {
            "privateKeyPem": key,
            "validityPeriodHours": 24,
            "allowedUses": ["server_auth"],
            "subject": {"commonName": "fake"},
        }
        certificate = tls.Tls().create(tls.SELF_SIGNED, inputs).outputs["certPem"]
        parameters = {"Certificate": certificate.encode(), "PrivateKey": key.encode()}
        own = str(self._aws.call(Request("acm", "ImportCertificate", parameters))["CertificateArn"])
        self._in_place_of[own] = arn
        return own
