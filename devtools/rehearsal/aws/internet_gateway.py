"""EC2: internet gateways."""

from devtools.rehearsal.aws.resource_type import ARN, ResourceType, ec2, from_answer, retag, tags

RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:ec2/internetGateway:InternetGateway": ResourceType(
        lambda i: ec2("CreateInternetGateway", tags(i, "internet-gateway")),
        from_answer("InternetGateway", "InternetGatewayId", "ownerId"),
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
}
