"""Converts the resources of the machines into calls of the AWS API."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.support.engine import Recording
from tests.support.machines import inputs

REGION = "ap-northeast-2"

Call = tuple[str, str, dict[str, Any]]
"""Service, operation and parameters."""

NO_CALL = {"forceDestroy", "userDataReplaceOnChange"}
"""Inputs that control the provider, and are not sent to AWS."""

Tags = list[dict[str, str]]
Maker = Callable[[str, str, dict[str, Any], Tags], Iterator[Call]]


def pascal(value: Any) -> Any:
    """A value with the first letter of each key in upper case, as most of AWS's parameters are."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: pascal(inner) for key, inner in value.items()}
    return [pascal(inner) for inner in value] if isinstance(value, list) else whole(value)


def whole(value: Any) -> Any:
    """Numbers of a request are all floating point; those here are whole."""
    return int(value) if isinstance(value, float) else value


def calls(type_: str, name: str, given: dict[str, Any]) -> list[Call]:
    """The calls of the AWS API that create a resource, the creation first. They have all of its inputs."""
    given = {key: value for key, value in given.items() if key not in NO_CALL}
    tags = [{"Key": key, "Value": value} for key, value in given.pop("tags", {}).items()]
    service = type_.split(":")[1].partition("/")[0]
    makers: dict[str, Maker] = {"ec2": ec2, "iam": roles, "s3": bucket}
    maker = makers.get(service, secrets)
    requests = list(maker(type_.rpartition(":")[2], name, given, tags))
    assert given == {}, "an input that no call takes"
    return requests


def tagged(*kinds: tuple[str, list[dict[str, str]]]) -> dict[str, Any]:
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind, tags in kinds]}


def ec2(kind: str, _: str, given: dict[str, Any], tags: Tags) -> Iterator[Call]:
    take = given.pop
    match kind:
        case "Eip":
            yield "ec2", "AllocateAddress", {"Domain": take("domain"), **tagged(("elastic-ip", tags))}
        case "EipAssociation":
            yield "ec2", "AssociateAddress", {"AllocationId": take("allocationId"), "InstanceId": take("instanceId")}
        case "Instance":
            interface = {
                "DeviceIndex": 0,
                "SubnetId": take("subnetId"),
                "Groups": take("vpcSecurityGroupIds"),
                "AssociatePublicIpAddress": take("associatePublicIpAddress"),
            }
            root = take("rootBlockDevice")
            volume = [{"Key": key, "Value": value} for key, value in root.pop("tags").items()]
            disk = pascal(root)
            assert take("sourceDestCheck") is True, "the API's default; off would be a call of its own"
            yield (
                "ec2",
                "RunInstances",
                {
                    "MinCount": 1,
                    "MaxCount": 1,
                    "ImageId": take("ami"),
                    "InstanceType": take("instanceType"),
                    "Placement": {"AvailabilityZone": take("availabilityZone")},
                    "NetworkInterfaces": [interface],
                    "IamInstanceProfile": {"Name": take("iamInstanceProfile")},
                    "UserData": take("userData"),
                    "MetadataOptions": pascal(take("metadataOptions")),
                    "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": disk}],
                    "EbsOptimized": take("ebsOptimized"),
                    "Monitoring": {"Enabled": take("monitoring")},
                    "CreditSpecification": pascal(take("creditSpecification")),
                    "DisableApiTermination": take("disableApiTermination"),
                    **tagged(("instance", tags), ("volume", volume)),
                },
            )


def roles(kind: str, name: str, given: dict[str, Any], tags: Tags) -> Iterator[Call]:
    take = given.pop
    match kind:
        case "Role":
            trust = {"AssumeRolePolicyDocument": take("assumeRolePolicy"), "Description": take("description")}
            yield "iam", "CreateRole", {"RoleName": name, **trust, "Tags": tags}
        case "Policy":
            yield "iam", "CreatePolicy", {"PolicyName": name, "PolicyDocument": take("policy"), "Tags": tags}
        case "RolePolicyAttachment":
            yield "iam", "AttachRolePolicy", {"RoleName": take("role"), "PolicyArn": take("policyArn")}
        case "InstanceProfile":
            yield "iam", "CreateInstanceProfile", {"InstanceProfileName": name, "Tags": tags}
            yield "iam", "AddRoleToInstanceProfile", {"InstanceProfileName": name, "RoleName": take("role")}


def bucket(kind: str, name: str, given: dict[str, Any], tags: Tags) -> Iterator[Call]:
    take = given.pop
    if kind == "Bucket":
        yield "s3", "CreateBucket", {"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": REGION}}
        yield "s3", "PutBucketTagging", {"Bucket": name, "Tagging": {"TagSet": tags}}
        return
    own = {"Bucket": take("bucket")}
    match kind:
        case "BucketPublicAccessBlock":
            wanted = {key: take(key) for key in list(given)}
            yield "s3", "PutPublicAccessBlock", {**own, "PublicAccessBlockConfiguration": pascal(wanted)}
        case "BucketVersioning":
            versions = pascal(take("versioningConfiguration"))
            yield "s3", "PutBucketVersioning", {**own, "VersioningConfiguration": versions}
        case "BucketServerSideEncryptionConfiguration":
            [rule] = take("rules")
            default = rule["applyServerSideEncryptionByDefault"]
            wanted = {"SSEAlgorithm": default["sseAlgorithm"], "KMSMasterKeyID": default["kmsMasterKeyId"]}
            rules = [{"ApplyServerSideEncryptionByDefault": wanted, "BucketKeyEnabled": rule["bucketKeyEnabled"]}]
            yield "s3", "PutBucketEncryption", {**own, "ServerSideEncryptionConfiguration": {"Rules": rules}}
        case "BucketPolicy":
            yield "s3", "PutBucketPolicy", {**own, "Policy": take("policy")}
        case "BucketLifecycleConfiguration":
            rules = [{"ID" if key == "Id" else key: v for key, v in rule.items()} for rule in pascal(take("rules"))]
            yield "s3", "PutBucketLifecycleConfiguration", {**own, "LifecycleConfiguration": {"Rules": rules}}


def secrets(kind: str, _: str, given: dict[str, Any], tags: Tags) -> Iterator[Call]:
    take = given.pop
    match kind:
        case "Key":
            what = {"Description": take("description"), "Policy": take("policy")}
            yield "kms", "CreateKey", {**what, "Tags": [{"TagKey": t["Key"], "TagValue": t["Value"]} for t in tags]}
            assert take("enableKeyRotation")
            yield "kms", "EnableKeyRotation", {"KeyId": "store-key-key"}
            assert 7 <= take("deletionWindowInDays") <= 30
        case "Alias":
            yield "kms", "CreateAlias", {"AliasName": take("name"), "TargetKeyId": take("targetKeyId")}
        case "Parameter":
            what = {key: take(key.lower()) for key in ("Name", "Type", "Tier")}
            yield "ssm", "PutParameter", {**what, "KeyId": take("keyId"), "Value": take("value")["value"], "Tags": tags}


def all_calls(recording: Recording) -> list[tuple[str, Call]]:
    resources = [key for key in recording.requests if key[0].startswith("aws:")]
    return [(name, call) for type_, name in resources for call in calls(type_, name, inputs(recording, type_, name))]
