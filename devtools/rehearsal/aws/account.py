"""IAM, Systems Manager, S3, CloudWatch and KMS."""

import json
from typing import Any

from devtools.rehearsal.aws.resource_types import ARN, REGION, Kind, Request, tag_list, take
from devtools.rehearsal.aws.resource_types import arn as arn_of
from devtools.rehearsal.values import Values


def _tags(inputs: Values) -> Values:
    found = tag_list(inputs)
    return {"Tags": found} if found else {}


def _iam(operation: str, parameters: Values) -> Request:
    return Request("iam", operation, parameters)


def _document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _role_made(answer: Values, inputs: Values) -> tuple[str, Values]:  # noqa: ARG001
    role = answer["Role"]
    return role["RoleName"], {"arn": role["Arn"], "uniqueId": role["RoleId"], "name": role["RoleName"]}


def _role_change(id_: str, inputs: Values) -> list[Request]:
    policy = {"RoleName": id_, "PolicyDocument": _document(inputs["assumeRolePolicy"])}
    return [_iam("UpdateAssumeRolePolicy", policy)]


def _role_policy(inputs: Values) -> Request:
    parameters = take(inputs, RoleName="role", PolicyName="name")
    return _iam("PutRolePolicy", {**parameters, "PolicyDocument": _document(inputs["policy"])})


def _profile_then(id_: str, inputs: Values) -> list[Request]:
    if not inputs.get("role"):
        return []
    return [_iam("AddRoleToInstanceProfile", {"InstanceProfileName": id_, "RoleName": inputs["role"]})]


def _profile_delete(id_: str, state: Values) -> list[Request]:
    remove = _iam("RemoveRoleFromInstanceProfile", {"InstanceProfileName": id_, "RoleName": state.get("role")})
    return [*([remove] if state.get("role") else []), _iam("DeleteInstanceProfile", {"InstanceProfileName": id_})]


def _parameter(inputs: Values, overwrite: bool) -> Request:
    parameters = take(inputs, "name", "type", "value", "description", "keyId", "tier")
    more = {"Overwrite": True} if overwrite else _tags(inputs)
    return Request("ssm", "PutParameter", parameters | more)


def _s3(operation: str, bucket: str, **parameters: Any) -> Request:
    return Request("s3", operation, {"Bucket": bucket, **parameters})


def _bucket(inputs: Values) -> Request:
    place = {"LocationConstraint": inputs.get("region", REGION)}
    return _s3("CreateBucket", inputs["bucket"], CreateBucketConfiguration=place)


def _bucket_made(answer: Values, inputs: Values) -> tuple[str, Values]:  # noqa: ARG001
    name, region = inputs["bucket"], inputs.get("region", REGION)
    domain = {
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
    }
    return name, {"arn": f"arn:aws:s3:::{name}", "region": region, **domain}


def _bucket_tags(id_: str, inputs: Values) -> list[Request]:
    found = tag_list(inputs)
    return [_s3("PutBucketTagging", id_, Tagging={"TagSet": found})] if found else []


def _encryption(inputs: Values) -> Request:
    rules = []
    for rule in inputs["rules"]:
        default = rule.get("applyServerSideEncryptionByDefault", {})
        algorithm = take(default, SSEAlgorithm="sseAlgorithm", KMSMasterKeyID="kmsMasterKeyId")
        rules.append({"ApplyServerSideEncryptionByDefault": algorithm, **take(rule, "bucketKeyEnabled")})
    configuration = {"Rules": rules}
    return _s3("PutBucketEncryption", inputs["bucket"], ServerSideEncryptionConfiguration=configuration)


def _lifecycle(inputs: Values) -> Request:
    rules = []
    for rule in inputs["rules"]:
        found: Values = {
            "ID": rule["id"],
            "Status": rule["status"],
            "Filter": take(rule.get("filter") or {}, "prefix") or {"Prefix": ""},
        }
        if rule.get("expiration"):
            found["Expiration"] = take(rule["expiration"], "days", "date", "expiredObjectDeleteMarker")
        if rule.get("noncurrentVersionExpiration"):
            found["NoncurrentVersionExpiration"] = take(
                rule["noncurrentVersionExpiration"], "noncurrentDays", "newerNoncurrentVersions"
            )
        if rule.get("abortIncompleteMultipartUpload"):
            found["AbortIncompleteMultipartUpload"] = take(
                rule["abortIncompleteMultipartUpload"], "daysAfterInitiation"
            )
        rules.append(found)
    return _s3("PutBucketLifecycleConfiguration", inputs["bucket"], LifecycleConfiguration={"Rules": rules})


def _of_bucket(create: Any, delete: str | None) -> Kind:
    """A setting of a bucket, which is put again when it changes."""
    return Kind(
        create,
        lambda _, i: (i["bucket"], {}),
        change=lambda _, i: [create(i)],
        delete=lambda id_, _: [_s3(delete, id_)] if delete else [],
        replacing=frozenset({"bucket"}),
    )


def _retention(id_: str, inputs: Values) -> list[Request]:
    if not inputs.get("retentionInDays"):
        return []
    return [Request("logs", "PutRetentionPolicy", {"logGroupName": id_, "retentionInDays": inputs["retentionInDays"]})]


KINDS: dict[str, Kind] = {
    "aws:iam/role:Role": Kind(
        lambda i: _iam(
            "CreateRole",
            {
                "AssumeRolePolicyDocument": _document(i["assumeRolePolicy"]),
                **take(i, "path", "description", "maxSessionDuration", "permissionsBoundary", RoleName="name"),
                **_tags(i),
            },
        ),
        _role_made,
        change=_role_change,
        delete=lambda id_, _: [_iam("DeleteRole", {"RoleName": id_})],
        replacing=frozenset({"name", "namePrefix", "path"}),
        computed=ARN | {"uniqueId"},
        named="name",
    ),
    "aws:iam/rolePolicy:RolePolicy": Kind(
        _role_policy,
        lambda _, i: (f"{i['role']}:{i['name']}", {}),
        change=lambda _, i: [_role_policy(i)],
        delete=lambda _, s: [_iam("DeleteRolePolicy", take(s, RoleName="role", PolicyName="name"))],
        replacing=frozenset({"name", "namePrefix", "role"}),
        named="name",
    ),
    "aws:iam/policy:Policy": Kind(
        lambda i: _iam(
            "CreatePolicy",
            {"PolicyDocument": _document(i["policy"]), **take(i, "path", "description", PolicyName="name"), **_tags(i)},
        ),
        lambda answer, _: (
            answer["Policy"]["Arn"],
            {"arn": answer["Policy"]["Arn"], "policyId": answer["Policy"]["PolicyId"]},
        ),
        delete=lambda id_, _: [_iam("DeletePolicy", {"PolicyArn": id_})],
        replacing=frozenset({"name", "namePrefix", "path", "description"}),
        computed=ARN,
        named="name",
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind(
        lambda i: _iam("AttachRolePolicy", take(i, "policyArn", RoleName="role")),
        lambda _, i: (f"{i['role']}/{i['policyArn']}", {}),
        delete=lambda _, s: [_iam("DetachRolePolicy", take(s, "policyArn", RoleName="role"))],
        replacing=frozenset({"role", "policyArn"}),
    ),
    "aws:iam/instanceProfile:InstanceProfile": Kind(
        lambda i: _iam("CreateInstanceProfile", {**take(i, "path", InstanceProfileName="name"), **_tags(i)}),
        lambda answer, _: (
            answer["InstanceProfile"]["InstanceProfileName"],
            {"arn": answer["InstanceProfile"]["Arn"], "uniqueId": answer["InstanceProfile"]["InstanceProfileId"]},
        ),
        then=_profile_then,
        delete=_profile_delete,
        replacing=frozenset({"name", "namePrefix", "path", "role"}),
        computed=ARN | {"uniqueId"},
        named="name",
    ),
    "aws:ssm/parameter:Parameter": Kind(
        lambda i: _parameter(i, overwrite=False),
        lambda _, i: (i["name"], {"arn": arn_of("ssm", f"parameter/{i['name'].lstrip('/')}"), "version": 1}),
        change=lambda _, i: [_parameter(i, overwrite=True)],
        delete=lambda id_, _: [Request("ssm", "DeleteParameter", {"Name": id_})],
        replacing=frozenset({"name"}),
        computed=ARN | {"version"},
        named="name",
    ),
    "aws:s3/bucket:Bucket": Kind(
        _bucket,
        _bucket_made,
        then=_bucket_tags,
        change=_bucket_tags,
        delete=lambda id_, _: [_s3("DeleteBucket", id_)],
        replacing=frozenset({"bucket", "bucketPrefix", "objectLockEnabled"}),
        computed=ARN | {"bucketDomainName", "bucketRegionalDomainName", "region"},
        named="bucket",
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _of_bucket(
        lambda i: _s3(
            "PutBucketVersioning", i["bucket"], VersioningConfiguration=take(i["versioningConfiguration"], "status")
        ),
        None,
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _of_bucket(
        _encryption, "DeleteBucketEncryption"
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _of_bucket(
        lambda i: _s3(
            "PutPublicAccessBlock",
            i["bucket"],
            PublicAccessBlockConfiguration=take(
                i, "blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets"
            ),
        ),
        "DeletePublicAccessBlock",
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _of_bucket(_lifecycle, "DeleteBucketLifecycle"),
    "aws:s3/bucketPolicy:BucketPolicy": _of_bucket(
        lambda i: _s3("PutBucketPolicy", i["bucket"], Policy=_document(i["policy"])), "DeleteBucketPolicy"
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _of_bucket(
        lambda i: _s3(
            "PutBucketOwnershipControls",
            i["bucket"],
            OwnershipControls={"Rules": [take(i["rule"], "objectOwnership")]},
        ),
        "DeleteBucketOwnershipControls",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Kind(
        lambda i: Request(
            "logs",
            "CreateLogGroup",
            {
                "logGroupName": i["name"],
                **({"tags": i["tags"]} if i.get("tags") else {}),
                **({"kmsKeyId": i["kmsKeyId"]} if i.get("kmsKeyId") else {}),
            },
        ),
        lambda _, i: (i["name"], {"arn": arn_of("logs", f"log-group:{i['name']}")}),
        then=_retention,
        change=_retention,
        delete=lambda id_, _: [Request("logs", "DeleteLogGroup", {"logGroupName": id_})],
        replacing=frozenset({"name", "namePrefix"}),
        computed=ARN,
        named="name",
    ),
    "aws:kms/key:Key": Kind(
        lambda i: Request(
            "kms",
            "CreateKey",
            {
                **take(i, "description", "policy", "keyUsage", "multiRegion"),
                **({"Tags": [{"TagKey": k, "TagValue": v} for k, v in i["tags"].items()]} if i.get("tags") else {}),
            },
        ),
        lambda answer, _: (
            answer["KeyMetadata"]["KeyId"],
            {"arn": answer["KeyMetadata"]["Arn"], "keyId": answer["KeyMetadata"]["KeyId"]},
        ),
        then=lambda id_, i: [Request("kms", "EnableKeyRotation", {"KeyId": id_})] if i.get("enableKeyRotation") else [],
        delete=lambda id_, s: [
            Request(
                "kms", "ScheduleKeyDeletion", {"KeyId": id_, "PendingWindowInDays": s.get("deletionWindowInDays", 30)}
            )
        ],
        replacing=frozenset({"keyUsage", "multiRegion"}),
        computed=ARN | {"keyId"},
    ),
    "aws:kms/alias:Alias": Kind(
        lambda i: Request("kms", "CreateAlias", take(i, AliasName="name", TargetKeyId="targetKeyId")),
        lambda _, i: (i["name"], {"arn": arn_of("kms", f"{i['name']}")}),
        delete=lambda id_, _: [Request("kms", "DeleteAlias", {"AliasName": id_})],
        replacing=frozenset({"name", "namePrefix"}),
        computed=ARN,
        named="name",
    ),
}
