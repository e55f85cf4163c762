"""The existing load balancers, read from moto."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from devtools.rehearsal.aws.resource_type import Request
from devtools.rehearsal.load_balancer.desired import STACK_TAG
from devtools.rehearsal.load_balancer.requests import elb
from devtools.rehearsal.values import Values
from switchyard.aws.iam import CLUSTER_TAG

LISTED = {
    "DescribeLoadBalancers": "LoadBalancers",
    "DescribeTargetGroups": "TargetGroups",
    "DescribeListeners": "Listeners",
    "DescribeRules": "Rules",
    "DescribeTargetHealth": "TargetHealthDescriptions",
}


class Caller(Protocol):
    """Calls AWS, one call at a time. Implemented by `devtools.rehearsal.aws.provider.Aws`."""

    def call(self, request: Request) -> Values:
        """Makes a call, or raises `RefusedError`."""


@dataclass(frozen=True)
class ObservedRule:
    """A rule of a listener. Rules are in the order in which they are evaluated.

    Attributes:
        host: host of the requests; None for every host.
        paths: patterns, one of which the path of a request has to match.
        target_group: name of the target group to which it forwards.
        port: port of the targets.
        targets: ids of the instances.
    """

    host: str | None
    paths: tuple[str, ...]
    target_group: str
    port: int
    targets: tuple[str, ...]


@dataclass(frozen=True)
class ObservedListener:
    """A port of a load balancer.

    Attributes:
        port: port of the load balancer.
        protocol: HTTP or HTTPS.
        certificate: ARN of the certificate that the Ingress names; None without TLS.
        policy: name of the TLS policy; None without TLS.
        default: action for a request that matches no rule: fixed-response or redirect.
        response: status and text of a fixed response; None where it is a redirect.
        rules: rules of the listener.
    """

    port: int
    protocol: str
    certificate: str | None
    policy: str | None
    default: str
    response: tuple[str, str] | None
    rules: tuple[ObservedRule, ...]


@dataclass(frozen=True)
class ObservedLoadBalancer:
    """A load balancer as moto has it.

    Attributes:
        group: group of the Ingresses.
        name: name of the load balancer at AWS.
        hostname: hostname in the status of the Ingresses; it resolves to nothing.
        scheme: internet-facing or internal.
        subnets: ids of the subnets.
        security_groups: ids of the security groups.
        attributes: attributes of the load balancer.
        target_groups: attributes of the target groups by name.
        tags: tags of the load balancer.
        listeners: listeners by port.
    """

    group: str
    name: str
    hostname: str
    scheme: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    attributes: dict[str, str]
    target_groups: dict[str, dict[str, str]]
    tags: dict[str, str]
    listeners: tuple[ObservedListener, ...]


class Observed:
    """Reads the existing load balancers. Every call may raise `RefusedError`.

    Args:
        aws: makes the calls.
        cluster: name of the cluster. Load balancers of other clusters are ignored.
        certificates: ARN of a user's certificate, by the ARN of the one that replaces it.
    """

    def __init__(self, aws: Caller, cluster: str, certificates: Mapping[str, str]) -> None:
        self._aws = aws
        self._cluster = cluster
        self._certificates = certificates

    def load_balancers(self) -> list[ObservedLoadBalancer]:
        """Returns the load balancers of the cluster."""
        every = [
            (balancer, self._tags(balancer["LoadBalancerArn"])) for balancer in self.described("DescribeLoadBalancers")
        ]
        return [self._described(balancer, tags) for balancer, tags in every if tags.get(CLUSTER_TAG) == self._cluster]

    def balancers(self, group: str) -> list[Values]:
        """The load balancers with the tags of this cluster and group."""
        own = {CLUSTER_TAG: self._cluster, STACK_TAG: group}
        every = self.described("DescribeLoadBalancers")
        return [balancer for balancer in every if own.items() <= self._tags(balancer["LoadBalancerArn"]).items()]

    def listed_certificates(self, listener: str) -> set[str]:
        """ARNs of the additional certificates of a listener, without the default one."""
        certificates = self._aws.call(elb("DescribeListenerCertificates", {"ListenerArn": listener}))["Certificates"]
        return {certificate["CertificateArn"] for certificate in certificates if not certificate.get("IsDefault")}

    def described(self, operation: str, **parameters: Any) -> list[Values]:
        """The items that a describe call returns."""
        listed: list[Values] = self._aws.call(elb(operation, parameters))[LISTED[operation]]
        return listed

    def attributes(self, kind: str, arn: str) -> dict[str, str]:
        """Attributes of a ``ObservedLoadBalancer`` or a ``TargetGroup``."""
        answer = self._aws.call(elb(f"Describe{kind}Attributes", {f"{kind}Arn": arn}))
        return {attribute["Key"]: attribute["Value"] for attribute in answer["Attributes"]}

    def _tags(self, arn: str) -> dict[str, str]:
        [described] = self._aws.call(elb("DescribeTags", {"ResourceArns": [arn]}))["TagDescriptions"]
        return {tag["Key"]: tag["Value"] for tag in described["Tags"]}

    def target_groups(self, group: str) -> list[Values]:
        """The target groups of a group of Ingresses."""
        every = self.described("DescribeTargetGroups")
        own = {CLUSTER_TAG: self._cluster, STACK_TAG: group}
        return [
            target_group for target_group in every if own.items() <= self._tags(target_group["TargetGroupArn"]).items()
        ]

    def targets(self, arn: str) -> tuple[str, ...]:
        """Ids of the instances in a target group."""
        health = self.described("DescribeTargetHealth", TargetGroupArn=arn)
        return tuple(
            sorted(target["Target"]["Id"] for target in health if target["TargetHealth"]["State"] != "draining")
        )

    def _described(self, balancer: Values, tags: dict[str, str]) -> ObservedLoadBalancer:
        arn, name = balancer["LoadBalancerArn"], balancer["LoadBalancerName"]
        group = tags[STACK_TAG]
        target_groups = {target_group["TargetGroupArn"]: target_group for target_group in self.target_groups(group)}
        return ObservedLoadBalancer(
            group=group,
            name=name,
            hostname=hostname(name),
            scheme=balancer["Scheme"],
            subnets=tuple(zone["SubnetId"] for zone in balancer["AvailabilityZones"]),
            security_groups=tuple(balancer["SecurityGroups"]),
            attributes=self.attributes("LoadBalancer", arn),
            target_groups={
                target_group["TargetGroupName"]: self.attributes("TargetGroup", target)
                for target, target_group in target_groups.items()
            },
            tags=tags,
            listeners=tuple(self._described_listeners(arn, target_groups)),
        )

    def _described_listeners(self, balancer: str, target_groups: dict[str, Values]) -> Iterator[ObservedListener]:
        listeners = self.described("DescribeListeners", LoadBalancerArn=balancer)
        for listener in sorted(listeners, key=lambda listener: int(listener["Port"])):
            rules = self.described("DescribeRules", ListenerArn=listener["ListenerArn"])
            own = sorted((rule for rule in rules if not rule["IsDefault"]), key=lambda rule: int(rule["Priority"]))
            certificate = next((cert["CertificateArn"] for cert in listener.get("Certificates", ())), None)
            yield ObservedListener(
                port=listener["Port"],
                protocol=listener["Protocol"],
                certificate=None if certificate is None else self._certificates.get(certificate, certificate),
                policy=None if certificate is None else listener["SslPolicy"],
                default=listener["DefaultActions"][0]["Type"],
                response=_response(listener["DefaultActions"][0]),
                rules=tuple(self._described_rule(rule, target_groups) for rule in own),
            )

    def _described_rule(self, rule: Values, target_groups: dict[str, Values]) -> ObservedRule:
        conditions = {condition["Field"]: condition for condition in rule["Conditions"]}
        host = conditions.get("host-header")
        group = target_groups[rule["Actions"][0]["TargetGroupArn"]]
        return ObservedRule(
            host=None if host is None else host["HostHeaderConfig"]["Values"][0],
            paths=tuple(conditions["path-pattern"]["PathPatternConfig"]["Values"]),
            target_group=group["TargetGroupName"],
            port=group["Port"],
            targets=self.targets(group["TargetGroupArn"]),
        )


def _response(action: Values) -> tuple[str, str] | None:
    config = action.get("FixedResponseConfig")
    return None if config is None else (config["StatusCode"], config.get("MessageBody", ""))


def hostname(name: str) -> str:
    """DNS name of a load balancer, which shows that it is a fake."""
    return f"{name}.fake.elb.amazonaws.com"
