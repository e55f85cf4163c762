"""EC2: route tables, routes and associations of subnets."""

from devtools.rehearsal.aws.resource_type import (
    ARN,
    Request,
    ResourceType,
    delete_by_id,
    ec2,
    from_answer,
    retag,
    tags,
    take,
)
from devtools.rehearsal.values import Values


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


RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:ec2/routeTable:RouteTable": ResourceType(
        lambda i: ec2("CreateRouteTable", {**take(i, "vpcId"), **tags(i, "route-table")}),
        from_answer("RouteTable", "RouteTableId", "ownerId"),
        then=_inline_routes,
        change=retag,
        delete=delete_by_id("DeleteRouteTable", "RouteTableId"),
        replacing=frozenset({"vpcId"}),
        computed=ARN,
    ),
    "aws:ec2/route:Route": ResourceType(
        lambda i: ec2("CreateRoute", {"RouteTableId": i["routeTableId"], **_route_target(i)}),
        lambda _, i: (f"r-{i['routeTableId']}1080289494", {"state": "active", "origin": "CreateRoute"}),
        delete=lambda _, s: [
            ec2("DeleteRoute", {**take(s, "routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock")})
        ],
        replacing=frozenset({"routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock"}),
        computed=frozenset({"state"}),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ResourceType(
        lambda i: ec2("AssociateRouteTable", take(i, "routeTableId", "subnetId", "gatewayId")),
        lambda answer, _: (answer["AssociationId"], {}),
        delete=delete_by_id("DisassociateRouteTable", "AssociationId"),
        replacing=frozenset({"subnetId", "gatewayId", "routeTableId"}),
    ),
}
