"""EC2: the network."""

from typing import Any

from devtools.rehearsal.aws.resource_types import ACCOUNT, ARN, Kind, Read, Request, ec2, pascal, retag, tags, take
from devtools.rehearsal.aws.resource_types import arn as arn_of
from devtools.rehearsal.values import Values


def _vpc_then(id_: str, inputs: Values) -> list[Request]:
    # The API takes one attribute a call.
    attributes = [name for name in ("enableDnsSupport", "enableDnsHostnames") if inputs.get(name) is not None]
    return [
        *retag(id_, inputs),
        *(ec2("ModifyVpcAttribute", {"VpcId": id_, pascal(name): {"Value": inputs[name]}}) for name in attributes),
    ]


def _subnet_then(id_: str, inputs: Values) -> list[Request]:
    public = inputs.get("mapPublicIpOnLaunch")
    changes = [] if public is None else [{"SubnetId": id_, "MapPublicIpOnLaunch": {"Value": public}}]
    return [*retag(id_, inputs), *(ec2("ModifySubnetAttribute", change) for change in changes)]


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


def _route_target(route: Values) -> Values:
    return take(
        route,
        "gatewayId",
        "natGatewayId",
        "networkInterfaceId",
        "vpcEndpointId",
        DestinationCidrBlock="destinationCidrBlock" if "destinationCidrBlock" in route else "cidrBlock",
        DestinationIpv6CidrBlock="destinationIpv6CidrBlock" if "destinationIpv6CidrBlock" in route else "ipv6CidrBlock",
    )


def _inline_routes(id_: str, inputs: Values) -> list[Request]:
    return [ec2("CreateRoute", {"RouteTableId": id_, **_route_target(route)}) for route in inputs.get("routes", [])]


def _plain(answer_key: str, id_key: str, *outputs: str) -> Any:
    def made(answer: Values, inputs: Values) -> tuple[str, Values]:  # noqa: ARG001
        found = answer[answer_key] if answer_key else answer
        kind = answer_key[:1].lower() + answer_key[1:]
        id_ = found[id_key]
        arn = arn_of("ec2", f"{kind}/{id_}")
        return id_, {"arn": arn, **{name: found[pascal(name)] for name in outputs if pascal(name) in found}}

    return made


def _delete(operation: str, parameter: str) -> Any:
    return lambda id_, state: [ec2(operation, {parameter: id_})]  # noqa: ARG005


KINDS: dict[str, Kind] = {
    "aws:ec2/vpc:Vpc": Kind(
        lambda i: ec2("CreateVpc", {**take(i, "cidrBlock", "instanceTenancy"), **tags(i, "vpc")}),
        _plain("Vpc", "VpcId", "ownerId"),
        then=_vpc_then,
        change=_vpc_then,
        reads=_vpc_reads,
        delete=_delete("DeleteVpc", "VpcId"),
        replacing=frozenset({"cidrBlock", "instanceTenancy"}),
        computed=ARN | {"defaultSecurityGroupId", "defaultRouteTableId", "mainRouteTableId", "ownerId"},
    ),
    "aws:ec2/subnet:Subnet": Kind(
        lambda i: ec2("CreateSubnet", {**take(i, "vpcId", "cidrBlock", "availabilityZone"), **tags(i, "subnet")}),
        _plain("Subnet", "SubnetId", "ownerId"),
        then=_subnet_then,
        change=_subnet_then,
        delete=_delete("DeleteSubnet", "SubnetId"),
        replacing=frozenset({"vpcId", "cidrBlock", "availabilityZone"}),
        computed=ARN,
    ),
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": Kind(
        lambda i: ec2(
            "CreateSubnetCidrReservation", take(i, "subnetId", "reservationType", "description", Cidr="cidrBlock")
        ),
        lambda answer, _: (answer["SubnetCidrReservation"]["SubnetCidrReservationId"], {"ownerId": ACCOUNT}),
        delete=lambda id_, _: [ec2("DeleteSubnetCidrReservation", {"SubnetCidrReservationId": id_})],
        replacing=frozenset({"subnetId", "cidrBlock", "reservationType", "description"}),
        computed=frozenset({"ownerId"}),
    ),
    "aws:ec2/internetGateway:InternetGateway": Kind(
        lambda i: ec2("CreateInternetGateway", tags(i, "internet-gateway")),
        _plain("InternetGateway", "InternetGatewayId", "ownerId"),
        then=lambda id_, i: [
            *(
                [ec2("AttachInternetGateway", {"InternetGatewayId": id_, "VpcId": i["vpcId"]})]
                if i.get("vpcId")
                else []
            ),
        ],
        change=retag,
        delete=lambda id_, state: [
            *(
                [ec2("DetachInternetGateway", {"InternetGatewayId": id_, "VpcId": state["vpcId"]})]
                if state.get("vpcId")
                else []
            ),
            ec2("DeleteInternetGateway", {"InternetGatewayId": id_}),
        ],
        replacing=frozenset({"vpcId"}),
        computed=ARN,
    ),
    "aws:ec2/routeTable:RouteTable": Kind(
        lambda i: ec2("CreateRouteTable", {**take(i, "vpcId"), **tags(i, "route-table")}),
        _plain("RouteTable", "RouteTableId", "ownerId"),
        then=_inline_routes,
        change=retag,
        delete=_delete("DeleteRouteTable", "RouteTableId"),
        replacing=frozenset({"vpcId"}),
        computed=ARN,
    ),
    "aws:ec2/route:Route": Kind(
        lambda i: ec2("CreateRoute", {"RouteTableId": i["routeTableId"], **_route_target(i)}),
        lambda _, i: (f"r-{i['routeTableId']}1080289494", {"state": "active", "origin": "CreateRoute"}),
        delete=lambda _, s: [
            ec2("DeleteRoute", {**take(s, "routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock")})
        ],
        replacing=frozenset({"routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock"}),
        computed=frozenset({"state"}),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Kind(
        lambda i: ec2("AssociateRouteTable", take(i, "routeTableId", "subnetId", "gatewayId")),
        lambda answer, _: (answer["AssociationId"], {}),
        delete=_delete("DisassociateRouteTable", "AssociationId"),
        replacing=frozenset({"subnetId", "gatewayId", "routeTableId"}),
    ),
    "aws:ec2/eip:Eip": Kind(
        lambda i: ec2("AllocateAddress", {**take(i, "domain"), **tags(i, "elastic-ip")}),
        lambda answer, _: (
            answer["AllocationId"],
            {
                "allocationId": answer["AllocationId"],
                "publicIp": answer["PublicIp"],
                "publicDns": "",
                "arn": arn_of("ec2", f"elastic-ip/{answer['AllocationId']}"),
            },
        ),
        change=retag,
        delete=_delete("ReleaseAddress", "AllocationId"),
        replacing=frozenset({"domain"}),
        computed=ARN | {"publicIp", "allocationId", "publicDns"},
    ),
    "aws:ec2/eipAssociation:EipAssociation": Kind(
        lambda i: ec2(
            "AssociateAddress", take(i, "allocationId", "instanceId", "networkInterfaceId", "allowReassociation")
        ),
        lambda answer, _: (answer["AssociationId"], {}),
        delete=_delete("DisassociateAddress", "AssociationId"),
        replacing=frozenset({"allocationId", "instanceId", "networkInterfaceId"}),
    ),
    "aws:ec2/flowLog:FlowLog": Kind(
        lambda i: ec2(
            "CreateFlowLogs",
            {
                "ResourceIds": [i.get("vpcId") or i.get("subnetId") or i.get("eniId")],
                "ResourceType": "VPC" if i.get("vpcId") else "Subnet" if i.get("subnetId") else "NetworkInterface",
                **take(
                    i,
                    "trafficType",
                    "logDestinationType",
                    "logDestination",
                    "maxAggregationInterval",
                    "logFormat",
                    DeliverLogsPermissionArn="iamRoleArn",
                ),
                **tags(i, "vpc-flow-log"),
            },
        ),
        lambda answer, _: (answer["FlowLogIds"][0], {"arn": arn_of("ec2", f"vpc-flow-log/{answer['FlowLogIds'][0]}")}),
        change=retag,
        delete=lambda id_, _: [ec2("DeleteFlowLogs", {"FlowLogIds": [id_]})],
        replacing=frozenset(
            {"vpcId", "trafficType", "logDestination", "iamRoleArn", "logDestinationType", "maxAggregationInterval"}
        ),
        computed=ARN,
    ),
}
