"""EC2: security groups and their rules."""

from devtools.rehearsal.aws.resource_type import ACCOUNT, ARN, Request, ResourceType, ec2, retag, tags, take
from devtools.rehearsal.aws.resource_type import arn as arn_of
from devtools.rehearsal.values import Values


def _permission(rule: Values) -> Values:
    """The parameters of a rule, from a rule resource or from a rule inside its group."""
    described = take(rule, "description")
    ranges = [rule["cidrIpv4"]] if rule.get("cidrIpv4") else rule.get("cidrBlocks") or []
    ranges6 = [rule["cidrIpv6"]] if rule.get("cidrIpv6") else rule.get("ipv6CidrBlocks") or []
    group = rule.get("referencedSecurityGroupId")
    groups = [group] if group else rule.get("securityGroups") or []
    permission: Values = {"IpProtocol": str(rule.get("ipProtocol", rule.get("protocol", "-1")))}
    if permission["IpProtocol"] != "-1":
        permission |= take(rule, "fromPort", "toPort")
    if ranges:
        permission["IpRanges"] = [{"CidrIp": cidr, **described} for cidr in ranges]
    if ranges6:
        permission["Ipv6Ranges"] = [{"CidrIpv6": cidr, **described} for cidr in ranges6]
    if rule.get("prefixListId"):
        permission["PrefixListIds"] = [{"PrefixListId": rule["prefixListId"], **described}]
    if groups:
        permission["UserIdGroupPairs"] = [{"GroupId": group, **described} for group in groups]
    return permission


def _rule(direction: str) -> ResourceType:
    def create(inputs: Values) -> Request:
        return ec2(
            f"AuthorizeSecurityGroup{direction}",
            {
                "GroupId": inputs["securityGroupId"],
                "IpPermissions": [_permission(inputs)],
                **tags(inputs, "security-group-rule"),
            },
        )

    def result(answer: Values, inputs: Values) -> tuple[str, Values]:  # noqa: ARG001
        id_ = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        arn = arn_of("ec2", f"security-group-rule/{id_}")
        return id_, {"securityGroupRuleId": id_, "arn": arn}

    def delete(id_: str, state: Values) -> list[Request]:
        parameters = {"GroupId": state["securityGroupId"], "SecurityGroupRuleIds": [id_]}
        return [ec2(f"RevokeSecurityGroup{direction}", parameters)]

    def change(id_: str, inputs: Values) -> list[Request]:
        rule = take(
            inputs,
            "fromPort",
            "toPort",
            "cidrIpv4",
            "cidrIpv6",
            "prefixListId",
            "description",
            IpProtocol="ipProtocol",
            ReferencedGroupId="referencedSecurityGroupId",
        )
        changed = [{"SecurityGroupRuleId": id_, "SecurityGroupRule": rule}]
        parameters = {"GroupId": inputs["securityGroupId"], "SecurityGroupRules": changed}
        return [ec2("ModifySecurityGroupRules", parameters), *retag(id_, inputs)]

    return ResourceType(
        create,
        result,
        change=change,
        delete=delete,
        replacing=frozenset({"securityGroupId"}),
        computed=ARN | {"securityGroupRuleId"},
    )


def _group_then(id_: str, inputs: Values) -> list[Request]:
    # The provider removes the default egress rule that AWS adds to every new group.
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    requests = [ec2("RevokeSecurityGroupEgress", {"GroupId": id_, "IpPermissions": [everything]})]
    for direction in ("Ingress", "Egress"):
        permissions = [_permission(rule) for rule in inputs.get(direction.lower()) or []]
        if permissions:
            parameters = {"GroupId": id_, "IpPermissions": permissions}
            requests.append(ec2(f"AuthorizeSecurityGroup{direction}", parameters))
    return requests


RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:ec2/securityGroup:SecurityGroup": ResourceType(
        lambda i: ec2(
            "CreateSecurityGroup",
            {
                "Description": i.get("description", "Managed by Pulumi"),
                **take(i, "vpcId", GroupName="name"),
                **tags(i, "security-group"),
            },
        ),
        lambda answer, _: (
            answer["GroupId"],
            {"arn": arn_of("ec2", f"security-group/{answer['GroupId']}"), "ownerId": ACCOUNT},
        ),
        then=_group_then,
        change=retag,
        delete=lambda id_, _: [ec2("DeleteSecurityGroup", {"GroupId": id_})],
        replacing=frozenset({"name", "namePrefix", "description", "vpcId"}),
        computed=ARN,
        named="name",
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ResourceType(
        lambda i: ec2(
            "DescribeSecurityGroups",
            {"Filters": [{"Name": "vpc-id", "Values": [i["vpcId"]]}, {"Name": "group-name", "Values": ["default"]}]},
        ),
        lambda answer, _: (
            answer["SecurityGroups"][0]["GroupId"],
            {"arn": arn_of("ec2", f"security-group/{answer['SecurityGroups'][0]['GroupId']}"), "name": "default"},
        ),
        then=_group_then,
        change=retag,
        replacing=frozenset({"vpcId"}),
        computed=ARN,
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("Ingress"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("Egress"),
}
