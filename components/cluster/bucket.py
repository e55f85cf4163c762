"""A bucket that nobody sees from outside, in which everything has an end."""

from collections.abc import Callable, Mapping

import pulumi
import pulumi_aws as aws


class PrivateBucket:
    """An encrypted bucket with versions, what closes it, and what empties it.

    It has no access log of its own: that would need a second bucket of the same kind. Who needs to know turns on
    CloudTrail's data events, for the whole account in one place.
    """

    name: pulumi.Output[str]
    """Known when the bucket is closed, and when its policy lets in whom it should."""
    arn: pulumi.Output[str]
    """Of the bucket."""

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
        """Makes it.

        Args:
            name: of the bucket; those of its settings begin with it.
            key_arn: of the key that encrypts it; None takes the keys of S3.
            policy: the bucket's, from its ARN.
            prefix: of all objects that come to an end.
            keep_days: until an object is deleted.
            undelete_days: how long what was overwritten or deleted can be had back.
            erasable: whether the bucket is deleted with what is in it.
            tags: of the bucket.
            opts: of all of them.
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
            f"{name}-lifecycle", bucket=bucket.id, rules=_ends(prefix, keep_days, undelete_days), opts=opts
        )
        self.name = pulumi.Output.all(bucket.bucket, closed.id).apply(lambda found: str(found[0]))


def _encryption(key_arn: pulumi.Input[str] | None) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgsDict:
    if key_arn is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn},
        # One data key serves many objects: fewer calls to KMS, each of which costs.
        "bucket_key_enabled": True,
    }


def _ends(
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
            # S3 takes no days beside this one, so that it is a rule of its own.
            "id": "markers",
            "status": "Enabled",
            "filter": {"prefix": prefix},
            "expiration": {"expired_object_delete_marker": True},
        },
        {
            # Of the whole bucket: an upload that does not end is no object, and costs what one costs.
            "id": "uploads",
            "status": "Enabled",
            "filter": {},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
        },
    ]
