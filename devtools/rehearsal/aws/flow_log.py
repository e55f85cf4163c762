"""EC2: flow logs."""

from devtools.rehearsal.aws.resource_type import ARN, ResourceType, ec2, retag, tags, take
from devtools.rehearsal.aws.resource_type import arn as arn_of

RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:ec2/flowLog:FlowLog": ResourceType(
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
