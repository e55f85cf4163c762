"""EC2: Elastic IP addresses and their associations."""

from devtools.rehearsal.aws.resource_type import ARN, ResourceType, delete_by_id, ec2, retag, tags, take
from devtools.rehearsal.aws.resource_type import arn as arn_of

RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:ec2/eip:Eip": ResourceType(
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
        delete=delete_by_id("ReleaseAddress", "AllocationId"),
        replacing=frozenset({"domain"}),
        computed=ARN | {"publicIp", "allocationId", "publicDns"},
    ),
    "aws:ec2/eipAssociation:EipAssociation": ResourceType(
        lambda i: ec2(
            "AssociateAddress", take(i, "allocationId", "instanceId", "networkInterfaceId", "allowReassociation")
        ),
        lambda answer, _: (answer["AssociationId"], {}),
        delete=delete_by_id("DisassociateAddress", "AssociationId"),
        replacing=frozenset({"allocationId", "instanceId", "networkInterfaceId"}),
    ),
}
