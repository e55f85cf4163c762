"""The calls of Elastic Load Balancing that create the load balancer that Ingresses describe."""

from collections.abc import Mapping

from devtools.rehearsal.aws.resource_type import Request
from devtools.rehearsal.load_balancer.desired import BALANCER_RESOURCE, RESOURCE_TAG, Desired, DesiredListener
from devtools.rehearsal.load_balancer.target_groups import DesiredTargetGroup
from devtools.rehearsal.values import Values


def create_load_balancer(desired: Desired, subnets: list[str]) -> Request:
    """Creates the load balancer."""
    parameters: Values = {
        "Name": desired.name,
        "Type": "application",
        "Scheme": desired.scheme,
        "IpAddressType": desired.ip_address_type,
        "Subnets": subnets,
        "SecurityGroups": list(desired.security_groups),
        "Tags": tag_list(desired.tags | {RESOURCE_TAG: BALANCER_RESOURCE}),
    }
    return elb("CreateLoadBalancer", parameters)


def create_target_group(group: DesiredTargetGroup, tags: Mapping[str, str], vpc: str) -> Request:
    """Creates a target group."""
    parameters: Values = {
        "Name": group.name,
        "TargetType": "instance",
        "Protocol": "HTTP",
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
        "Port": group.port,
        "VpcId": vpc,
        "Tags": tag_list({**tags, RESOURCE_TAG: group.resource}),
    }
    return elb("CreateTargetGroup", parameters | group.health)


def listener(desired: DesiredListener, certificate: str | None) -> Values:
    """The parameters of a listener in the calls that create and change it.

    Args:
        desired: the listener.
        certificate: ARN of its certificate; None without TLS.
    """
    parameters: Values = {"Port": desired.port, "Protocol": desired.protocol, "DefaultActions": [desired.action]}
    if certificate is not None:
        parameters |= {"Certificates": [{"CertificateArn": certificate}], "SslPolicy": desired.policy}
    return parameters


def rules(desired: DesiredListener, target_groups: Mapping[str, str]) -> list[Values]:
    """The parameters of each rule of a listener in the call that creates it, without the tags.

    Args:
        desired: the listener.
        target_groups: ARN of each target group by name.
    """
    rendered: list[Values] = []
    for priority, rule in enumerate(desired.rules, 1):
        conditions: list[Values] = []
        if rule.host is not None:
            conditions.append({"Field": "host-header", "HostHeaderConfig": {"Values": [rule.host]}})
        conditions.append({"Field": "path-pattern", "PathPatternConfig": {"Values": list(rule.paths)}})
        action = {"Type": "forward", "TargetGroupArn": target_groups[rule.target_group]}
        rendered.append({"Priority": priority, "Conditions": conditions, "Actions": [action]})
    return rendered


def create_rule(listener: str, port: int, rule: Values, tags: Mapping[str, str]) -> Request:
    """Creates a rule.

    Args:
        listener: ARN of the listener.
        port: port of the listener.
        rule: one of `rules`.
        tags: tags of everything that belongs to the load balancer.
    """
    tagged = {**tags, RESOURCE_TAG: f"{port}:{rule['Priority']}"}
    return elb("CreateRule", {"ListenerArn": listener, "Tags": tag_list(tagged), **rule})


def set_attributes(kind: str, arn: str, attributes: Mapping[str, str]) -> Request:
    """Sets attributes of a ``ObservedLoadBalancer`` or a ``TargetGroup``."""
    listed = [{"Key": key, "Value": value} for key, value in attributes.items()]
    return elb(f"Modify{kind}Attributes", {f"{kind}Arn": arn, "Attributes": listed})


def elb(operation: str, parameters: Values) -> Request:
    """A call of Elastic Load Balancing."""
    return Request("elbv2", operation, parameters)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the API has them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
