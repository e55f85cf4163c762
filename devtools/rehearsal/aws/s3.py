"""S3: buckets and their settings."""

import json
from typing import Any

from devtools.rehearsal.aws.resource_type import ARN, REGION, Request, ResourceType, tag_list, take
from devtools.rehearsal.values import Values


def _document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _s3(operation: str, bucket: str, **parameters: Any) -> Request:
    return Request("s3", operation, {"Bucket": bucket, **parameters})


def _bucket(inputs: Values) -> Request:
    place = {"LocationConstraint": inputs.get("region", REGION)}
    return _s3("CreateBucket", inputs["bucket"], CreateBucketConfiguration=place)


def _bucket_result(answer: Values, inputs: Values) -> tuple[str, Values]:  # noqa: ARG001
    name, region = inputs["bucket"], inputs.get("region", REGION)
    domain = {
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
    }
    return name, {"arn": f"arn:aws:s3:::{name}", "region": region, **domain}


def _bucket_tags(id_: str, inputs: Values) -> list[Request]:
    tags = tag_list(inputs)
    return [_s3("PutBucketTagging", id_, Tagging={"TagSet": tags})] if tags else []


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
        rendered: Values = {
            "ID": rule["id"],
            "Status": rule["status"],
            "Filter": take(rule.get("filter") or {}, "prefix") or {"Prefix": ""},
        }
        if rule.get("expiration"):
            rendered["Expiration"] = take(rule["expiration"], "days", "date", "expiredObjectDeleteMarker")
        if rule.get("noncurrentVersionExpiration"):
            rendered["NoncurrentVersionExpiration"] = take(
                rule["noncurrentVersionExpiration"], "noncurrentDays", "newerNoncurrentVersions"
            )
        if rule.get("abortIncompleteMultipartUpload"):
            rendered["AbortIncompleteMultipartUpload"] = take(
                rule["abortIncompleteMultipartUpload"], "daysAfterInitiation"
            )
        rules.append(rendered)
    return _s3("PutBucketLifecycleConfiguration", inputs["bucket"], LifecycleConfiguration={"Rules": rules})


def _of_bucket(create: Any, delete: str | None) -> ResourceType:
    """A setting of a bucket, which is written again when it changes."""
    return ResourceType(
        create,
        lambda _, i: (i["bucket"], {}),
        change=lambda _, i: [create(i)],
        delete=lambda id_, _: [_s3(delete, id_)] if delete else [],
        replacing=frozenset({"bucket"}),
    )


RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:s3/bucket:Bucket": ResourceType(
        _bucket,
        _bucket_result,
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
}
