"""A private bucket, in which every object expires."""

from collections.abc import Callable, Mapping

import pulumi
import pulumi_aws as aws


class PrivateBucket:
    """An encrypted, versioned bucket, with its public access block, its policy and its lifecycle rules.

    It has no access log of its own, which would need a second bucket of the same kind. To record who reads it, turn on
    CloudTrail's data events for the account.
    """

    name: pulumi.Output[str]
    """Name of the bucket, known when public access is blocked and its policy is written."""
    arn: pulumi.Output[str]
    """ARN of the bucket."""

    def __init__(
        self,
        name: str,
        *,
        key_arn: pulumi.Input[str] | None,
        policy: Callable[[pulumi.Output[str]], pulumi.Input[str]],
        prefix: str,
        keep_days: int,
        undelete_days: int,
        erasable: bool,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Registers the bucket.

        Args:
            name: name of the bucket, with which the names of its settings begin.
            key_arn: ARN of the key that encrypts the bucket; None for the keys of S3.
            policy: renders the policy of the bucket from its ARN.
            prefix: prefix of the keys of all objects that expire.
            keep_days: days after which an object is deleted.
            undelete_days: days for which an overwritten or deleted object can be restored.
            erasable: whether the bucket is deleted with its objects.
            tags: tags of the bucket.
            opts: options of all resources.
        """
        bucket = aws.s3.Bucket(name, force_destroy=erasable, tags=tags, opts=opts)
        self.arn = bucket.arn
        blocked = aws.s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=opts,
        )
        aws.s3.BucketVersioning(
            f"{name}-versions", bucket=bucket.id, versioning_configuration={"status": "Enabled"}, opts=opts
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption", bucket=bucket.id, rules=[_encryption(key_arn)], opts=opts
        )
        closed = aws.s3.BucketPolicy(
            f"{name}-tls",
            bucket=bucket.id,
            policy=policy(bucket.arn),
            # S3 refuses two changes of a bucket's access at the same time.
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[blocked])),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle", bucket=bucket.id, rules=_lifecycle_rules(prefix, keep_days, undelete_days), opts=opts
        )
        self.name = pulumi.Output.all(bucket.bucket, closed.id).apply(lambda values: str(values[0]))


def _encryption(key_arn: pulumi.Input[str] | None) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgsDict:
    if key_arn is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn},
        # One data key serves many objects: fewer calls to KMS, each of which costs.
        "bucket_key_enabled": True,
    }


def _lifecycle_rules(
    prefix: str, keep_days: int, undelete_days: int
) -> list[pulumi.Input[aws.s3.BucketLifecycleConfigurationRuleArgsDict]]:
    return [
        {
            "id": "keep",
            "status": "Enabled",
            "filter": {"prefix": prefix},
            "expiration": {"days": keep_days},
            "noncurrent_version_expiration": {"noncurrent_days": undelete_days},
        },
        {
            # A separate rule, because S3 accepts no number of days beside this setting.
            "id": "markers",
            "status": "Enabled",
            "filter": {"prefix": prefix},
            "expiration": {"expired_object_delete_marker": True},
        },
        {
            # For the whole bucket: the parts of an unfinished upload are not objects, but are billed like them.
            "id": "uploads",
            "status": "Enabled",
            "filter": {},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
        },
    ]
