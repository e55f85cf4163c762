"""The permissions of the machines in AWS: policy documents, one for each purpose.

No statement has a wildcard action. Resource is ``*`` only for actions of WITHOUT_RESOURCE.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from switchyard.aws.policy_documents import Document, Statement, document
from switchyard.bootstrap.cloud_init import SNAPSHOTS
from switchyard.config.aws_partition import dns_suffix

POLICY_CHARACTERS = 6144
"""Limit of IAM for a managed policy, white space not counted."""

CLUSTER_TAG = "elbv2.k8s.aws/cluster"
"""Tag of every resource that the AWS Load Balancer Controller creates; its value is the name of the cluster."""

SESSION_MANAGER = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
"""The minimum permissions for a shell through Session Manager. No port is open for SSH."""

# fmt: off
_DESCRIBE_EC2 = tuple(
    f"ec2:Describe{action}"
    for action in (
        "AccountAttributes", "AvailabilityZones", "Instances", "InternetGateways", "NetworkInterfaces",
        "RouteTables", "SecurityGroups", "Subnets", "Tags", "Vpcs",
    )
)
_DESCRIBE_BALANCERS = tuple(
    f"elasticloadbalancing:Describe{action}"
    for action in (
        "CapacityReservation", "ListenerAttributes", "ListenerCertificates", "Listeners", "LoadBalancerAttributes",
        "LoadBalancers", "Rules", "SSLPolicies", "Tags", "TargetGroupAttributes", "TargetGroups", "TargetHealth",
    )
)
# fmt: on

WITHOUT_RESOURCE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            SESSION_MANAGER, "the agent's channel to Session Manager is no resource that a policy can name"
        ),
        **dict.fromkeys(_DESCRIBE_EC2, "EC2 lists all of a region or nothing: its Describe actions take no resource"),
        **dict.fromkeys(_DESCRIBE_BALANCERS, "Elastic Load Balancing's Describe actions take no resource"),
        "elasticloadbalancing:SetWebAcl": "the action takes neither a resource nor a condition",
    }
)
"""The actions whose Resource is ``*``, and why."""

# fmt: off
KEY_ADMINISTRATION = tuple(
    f"kms:{action}"
    for action in (
        "CancelKeyDeletion", "CreateAlias", "CreateGrant", "Decrypt", "DeleteAlias", "DescribeKey", "DisableKey",
        "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encrypt", "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext", "GetKeyPolicy", "GetKeyRotationStatus", "ListGrants", "ListKeyPolicies",
        "ListKeyRotations", "ListResourceTags", "PutKeyPolicy", "ReEncryptFrom", "ReEncryptTo", "RetireGrant",
        "RevokeGrant", "RotateKeyOnDemand", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias",
        "UpdateKeyDescription",
    )
)
# fmt: on
"""Actions on the key that the account's own policies may allow: to manage it, and to use it."""

KEY_DELETION_DAYS = 30
"""Days in which the deletion of a key can be reverted: the longest that KMS has. What it encrypts is lost with it."""


@dataclass(frozen=True)
class AwsLocation:
    """Partition, region and account of a cluster in AWS.

    Attributes:
        partition: partition of AWS, ``aws`` but for China and the US government.
        region: region of the cluster.
        account: twelve digits.
    """

    partition: str
    region: str
    account: str

    @classmethod
    def of(cls, caller: str, region: str) -> "AwsLocation":
        """The region of the account that an identity's ARN names."""
        _, partition, _, _, account, _ = caller.split(":", 5)
        return cls(partition, region, account)

    def arn(self, service: str, resource: str) -> str:
        """ARN of a resource in the region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def service(self, name: str) -> str | list[str]:
        """A service's name in the region, as kms:ViaService has it; both forms where a partition has two."""
        names = sorted({f"{name}.{self.region}.{suffix}" for suffix in ("amazonaws.com", dns_suffix(self.region))})
        return names[0] if len(names) == 1 else names


def assume_role(region: str) -> Document:
    """Trust policy: only EC2 instances may assume the role.

    Args:
        region: region of the cluster; EC2's principal has the domain of its partition.
    """
    principal = {"Principal": {"Service": f"ec2.{dns_suffix(region)}"}}
    return document(_allow("Machines", ["sts:AssumeRole"]) | principal)


def node(location: AwsLocation, key: str, parameters: Sequence[str]) -> Document:
    """The permissions of every machine: to be reached by Session Manager, and to read the secrets of its role.

    Args:
        location: partition, region and account of the cluster.
        key: ARN of the key that encrypts the parameters.
        parameters: ARNs of the parameters that the role reads.
    """
    via = {"StringEquals": {"kms:ViaService": location.service("ssm")}}
    return document(
        _allow("SessionManager", SESSION_MANAGER, "*"),
        # With this the agent of Session Manager reports that the machine runs.
        _allow("Heartbeat", ["ssm:UpdateInstanceInformation"], location.arn("ec2", "instance/*")),
        _allow("Secrets", ["ssm:GetParameter"], list(parameters)),
        _allow("DecryptSecrets", ["kms:Decrypt"], key, via),
    )


def backup(location: AwsLocation, key: str, bucket: str) -> Document:
    """The additional permissions of the control plane: to write its snapshots, list them and read them.

    It deletes none: the bucket's lifecycle does.

    Args:
        location: partition, region and account of the cluster.
        key: ARN of the key that encrypts the bucket.
        bucket: ARN of the bucket.
    """
    # S3 calls KMS for the role: for a data key of each written object, and for decryption in multipart uploads.
    via = {"StringEquals": {"kms:ViaService": location.service("s3")}}
    below = {"StringLike": {"s3:prefix": f"{SNAPSHOTS}*"}}
    return document(
        _allow("Snapshots", ["s3:GetObject", "s3:PutObject"], f"{bucket}/{SNAPSHOTS}*"),
        # A restore needs this to find the newest snapshot.
        _allow("FindSnapshots", ["s3:ListBucket"], bucket, below),
        _allow("EncryptSnapshots", ["kms:Decrypt", "kms:GenerateDataKey"], key, via),
    )


def load_balancer_controller(location: AwsLocation, cluster: str, vpc: str, waf: str | None = None) -> Document:
    """The permissions of the AWS Load Balancer Controller: application load balancers with this cluster's tag.

    Less than the project's own policy: the ALB's security group and the rules between it and the nodes are part of
    the network, the certificate and web ACL are named by ARN, and there are no network load balancers, no logins by
    Cognito, no Shield. The chart's values must say so (``enableShield``, ``enableWaf`` and
    ``enableBackendSecurityGroup`` off, ``enableWafv2`` with a web ACL only), and so must the Ingress
    (``security-groups``, ``manage-backend-security-group-rules: "false"``).

    Args:
        location: partition, region and account of the cluster.
        cluster: its name.
        vpc: id of its VPC.
        waf: ARN of the web ACL, if there is one.
    """
    balancers = location.arn("elasticloadbalancing", "loadbalancer/app/*/*")
    groups = location.arn("elasticloadbalancing", "targetgroup/*/*")
    listeners = location.arn("elasticloadbalancing", "listener/app/*/*/*")
    rules = location.arn("elasticloadbalancing", "listener-rule/app/*/*/*/*")
    everything = [balancers, groups, listeners, rules]
    ours = {"StringEquals": {f"aws:ResourceTag/{CLUSTER_TAG}": cluster}}
    asked_for = {"StringEquals": {f"aws:RequestTag/{CLUSTER_TAG}": cluster}}
    in_region = {"StringEquals": {"aws:RequestedRegion": location.region}}
    # The first load balancer of an account creates the role of ELB, whose name is the same in every partition.
    linked = (
        f"arn:{location.partition}:iam::{location.account}:role/aws-service-role/elasticloadbalancing.amazonaws.com/"
        "AWSServiceRoleForElasticLoadBalancing"
    )
    statements = [
        _allow("Look", [*_DESCRIBE_EC2, *_DESCRIBE_BALANCERS], "*", in_region),
        _allow("Groups", ["ec2:GetSecurityGroupsForVpc"], location.arn("ec2", f"vpc/{vpc}")),
        _allow(
            "LinkedRole",
            ["iam:CreateServiceLinkedRole"],
            linked,
            {"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        ),
        _allow("Create", _balancing("CreateLoadBalancer", "CreateTargetGroup"), [balancers, groups], asked_for),
        # Listeners and rules are created in an existing resource, whose tag is checked.
        _allow("CreateIn", _balancing("CreateListener", "CreateRule"), [balancers, listeners], ours),
        _allow(
            "TagNew",
            _balancing("AddTags"),
            everything,
            {
                "StringEquals": {
                    f"aws:RequestTag/{CLUSTER_TAG}": cluster,
                    "elasticloadbalancing:CreateAction": [
                        "CreateListener",
                        "CreateLoadBalancer",
                        "CreateRule",
                        "CreateTargetGroup",
                    ],
                }
            },
        ),
        # A tag must not move a resource out of the cluster or into it.
        _allow(
            "TagOurs",
            _balancing("AddTags"),
            everything,
            ours | {"StringEqualsIfExists": {f"aws:RequestTag/{CLUSTER_TAG}": cluster}},
        ),
        _allow(
            "Untag",
            _balancing("RemoveTags"),
            everything,
            ours | {"ForAllValues:StringNotEquals": {"aws:TagKeys": [CLUSTER_TAG]}},
        ),
        _allow("ChangeOurs", _changes(), everything, ours),
        # These actions support no condition on a tag.
        _allow("Order", _balancing("SetRulePriorities"), rules),
    ]
    if waf is not None:
        statements += [
            _allow(
                "Firewall",
                ["wafv2:AssociateWebACL", "wafv2:DisassociateWebACL", "wafv2:GetWebACL", "wafv2:GetWebACLForResource"],
                [waf, balancers],
            ),
            _allow("SetAcl", _balancing("SetWebAcl"), "*"),
        ]
    return document(*statements)


def key(location: AwsLocation) -> Document:
    """Policy of the key: the account's own policies decide who manages and uses it.

    Resource is ``*`` since the policy is the key's own: it can be of no other.
    """
    root = {"AWS": f"arn:{location.partition}:iam::{location.account}:root"}
    return document(_allow("Account", KEY_ADMINISTRATION, "*") | {"Principal": root})


def _changes() -> list[str]:
    # fmt: off
    return _balancing(
        "AddListenerCertificates", "DeleteListener", "DeleteLoadBalancer", "DeleteRule", "DeleteTargetGroup",
        "DeregisterTargets", "ModifyListener", "ModifyListenerAttributes", "ModifyLoadBalancerAttributes",
        "ModifyRule", "ModifyTargetGroup", "ModifyTargetGroupAttributes", "RegisterTargets",
        "RemoveListenerCertificates", "SetIpAddressType", "SetSecurityGroups", "SetSubnets",
    )
    # fmt: on


def _balancing(*names: str) -> list[str]:
    return [f"elasticloadbalancing:{name}" for name in names]


def _allow(
    sid: str,
    actions: Sequence[str],
    resource: str | list[str] | None = None,
    condition: Mapping[str, object] | None = None,
) -> Statement:
    statement: Statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions)}
    if resource is not None:
        statement["Resource"] = resource
    if condition is not None:
        statement["Condition"] = dict(condition)
    return statement
