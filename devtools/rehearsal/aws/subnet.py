"""EC2: subnets and their CIDR reservations."""

from devtools.rehearsal.aws.resource_type import (
    ACCOUNT,
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


def _subnet_then(id_: str, inputs: Values) -> list[Request]:
    public = inputs.get("mapPublicIpOnLaunch")
    changes = [] if public is None else [{"SubnetId": id_, "MapPublicIpOnLaunch": {"Value": public}}]
    return [*retag(id_, inputs), *(ec2("ModifySubnetAttribute", change) for change in changes)]


RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:ec2/subnet:Subnet": ResourceType(
        lambda i: ec2("CreateSubnet", {**take(i, "vpcId", "cidrBlock", "availabilityZone"), **tags(i, "subnet")}),
        from_answer("Subnet", "SubnetId", "ownerId"),
        then=_subnet_then,
        change=_subnet_then,
        delete=delete_by_id("DeleteSubnet", "SubnetId"),
        replacing=frozenset({"vpcId", "cidrBlock", "availabilityZone"}),
        computed=ARN,
    ),
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": ResourceType(
        lambda i: ec2(
            "CreateSubnetCidrReservation", take(i, "subnetId", "reservationType", "description", Cidr="cidrBlock")
        ),
        lambda answer, _: (answer["SubnetCidrReservation"]["SubnetCidrReservationId"], {"ownerId": ACCOUNT}),
        delete=lambda id_, _: [ec2("DeleteSubnetCidrReservation", {"SubnetCidrReservationId": id_})],
        replacing=frozenset({"subnetId", "cidrBlock", "reservationType", "description"}),
        computed=frozenset({"ownerId"}),
    ),
}
