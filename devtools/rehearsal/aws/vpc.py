"""EC2: VPCs."""

from devtools.rehearsal.aws.resource_type import (
    ARN,
    Read,
    Request,
    ResourceType,
    delete_by_id,
    ec2,
    from_answer,
    pascal,
    retag,
    tags,
    take,
)
from devtools.rehearsal.values import Values


def _vpc_then(id_: str, inputs: Values) -> list[Request]:
    # The API takes one attribute a call.
    attributes = [name for name in ("enableDnsSupport", "enableDnsHostnames") if inputs.get(name) is not None]
    return [
        *retag(id_, inputs),
        *(ec2("ModifyVpcAttribute", {"VpcId": id_, pascal(name): {"Value": inputs[name]}}) for name in attributes),
    ]


def _vpc_reads(id_: str) -> list[Read]:
    of_vpc = {"Name": "vpc-id", "Values": [id_]}
    groups = {"Filters": [of_vpc, {"Name": "group-name", "Values": ["default"]}]}
    tables = {"Filters": [of_vpc, {"Name": "association.main", "Values": ["true"]}]}
    return [
        Read(
            ec2("DescribeSecurityGroups", groups),
            lambda answer: {"defaultSecurityGroupId": answer["SecurityGroups"][0]["GroupId"]},
        ),
        Read(
            ec2("DescribeRouteTables", tables),
            lambda answer: dict.fromkeys(
                ("mainRouteTableId", "defaultRouteTableId"), answer["RouteTables"][0]["RouteTableId"]
            ),
        ),
    ]


RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:ec2/vpc:Vpc": ResourceType(
        lambda i: ec2("CreateVpc", {**take(i, "cidrBlock", "instanceTenancy"), **tags(i, "vpc")}),
        from_answer("Vpc", "VpcId", "ownerId"),
        then=_vpc_then,
        change=_vpc_then,
        reads=_vpc_reads,
        delete=delete_by_id("DeleteVpc", "VpcId"),
        replacing=frozenset({"cidrBlock", "instanceTenancy"}),
        computed=ARN | {"defaultSecurityGroupId", "defaultRouteTableId", "mainRouteTableId", "ownerId"},
    ),
}
