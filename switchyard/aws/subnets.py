"""Reads from AWS what is in a subnet of a cluster."""

from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from switchyard.aws.elbv2 import CALL_CONFIG
from switchyard.aws.tags import cluster_tag
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.errors import AwsError


def interfaces_in(cluster: Ec2Cluster, block: str) -> list[str]:
    """The network interfaces in a subnet of a cluster, each as text; none where there is no such subnet.

    Machines and load balancers have one in each of their subnets. It needs ec2:DescribeSubnets and
    ec2:DescribeNetworkInterfaces.

    Args:
        cluster: settings of the cluster.
        block: CIDR block of the subnet.

    Raises:
        AwsError: AWS does not answer.
    """
    try:
        client = boto3.client("ec2", region_name=cluster.region, config=CALL_CONFIG)
        tags = [{"Name": f"tag:{key}", "Values": [value]} for key, value in cluster_tag(cluster).items()]
        subnets = client.describe_subnets(Filters=[*tags, {"Name": "cidr-block", "Values": [block]}])["Subnets"]
        if not subnets:
            return []
        ids = [subnet["SubnetId"] for subnet in subnets]
        answer = client.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": ids}])
    except (BotoCoreError, ClientError) as error:
        raise AwsError(f"AWS does not answer: {error} ({AwsError.code})") from error
    return sorted(map(_described, answer["NetworkInterfaces"]))


def _described(interface: dict[str, Any]) -> str:
    instance = (interface.get("Attachment") or {}).get("InstanceId")
    used_by = instance or interface.get("Description")
    return f"{interface['NetworkInterfaceId']}{f' ({used_by})' if used_by else ''}"
