"""Policies of the flow logs of a VPC: of the key, of the role and of what the role may write."""

import json

from switchyard.aws.policy_documents import document
from switchyard.config.aws_partition import dns_suffix, partition


def key(region: str, account: str, log_group: str) -> str:
    """Returns the policy of the key: the account governs it; CloudWatch Logs uses it, for the one log group.

    Args:
        region: the region of the cluster.
        account: the AWS account of the cluster.
        log_group: the name of the log group.
    """
    use = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    own_partition = partition(region)
    arn = f"arn:{own_partition}:logs:{region}:{account}:log-group:{log_group}"
    return _document(
        # The resource of a key's policy is the key itself. Without this statement, nobody could ever change the key.
        {"Principal": {"AWS": f"arn:{own_partition}:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"},
        {
            "Principal": {"Service": f"logs.{region}.{dns_suffix(region)}"},
            "Action": use,
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}},
        },
    )


def trust(region: str, account: str) -> str:
    """Returns the trust policy of the role: the flow logs of this account and region assume it, and no others.

    Args:
        region: the region of the cluster.
        account: the AWS account of the cluster.
    """
    return _document(
        {
            # The same in every partition, China's included.
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": f"arn:{partition(region)}:ec2:{region}:{account}:vpc-flow-log/*"},
            },
        }
    )


def write(region: str, account: str, log_group: str) -> str:
    """Returns the permission to write into the one log group.

    It does not permit the creation of a group, so that a deleted group is not created again after the stack is
    destroyed.

    Args:
        region: the region of the cluster.
        account: the AWS account of the cluster.
        log_group: the name of the log group.
    """
    actions = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    groups = f"arn:{partition(region)}:logs:{region}:{account}:log-group"
    return _document(
        {"Action": actions, "Resource": f"{groups}:{log_group}:*"},
        # The permission to list log groups applies to all groups of a region, and cannot be limited to one.
        {"Action": "logs:DescribeLogGroups", "Resource": f"{groups}:*"},
    )


def _document(*statements: dict[str, object]) -> str:
    # Another text of the same document would cause an update in every existing stack.
    return json.dumps(document(*({"Effect": "Allow", **statement} for statement in statements)))
