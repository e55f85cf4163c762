"""The policies of the buckets, statement by statement."""

import pytest

from switchyard.aws import bucket_policies, policy_documents
from switchyard.manifests.ingress import LOG_PREFIX

BUCKET = "arn:aws:s3:::it"
ACCOUNT = "123456789012"
TLS_ONLY = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [BUCKET, f"{BUCKET}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def test_backups_are_refused_without_tls_and_to_other_accounts() -> None:
    assert bucket_policies.backups(BUCKET) == {"Version": "2012-10-17", "Statement": [TLS_ONLY]}


def test_log_delivery_may_only_write_this_accounts_access_logs() -> None:
    delivery = {
        "Sid": "Delivery",
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": ["s3:PutObject"],
        "Resource": f"{BUCKET}/alb/AWSLogs/{ACCOUNT}/*",
    }
    policy = bucket_policies.access_logs(ACCOUNT, BUCKET, LOG_PREFIX)
    assert policy == {"Version": "2012-10-17", "Statement": [delivery, TLS_ONLY]}


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_a_policy_is_about_its_own_bucket_in_every_partition(partition: str) -> None:
    bucket = f"arn:{partition}:s3:::it"
    policy = policy_documents.text(bucket_policies.access_logs(ACCOUNT, bucket, LOG_PREFIX))
    assert policy.count(bucket) == 3
    assert policy.count("arn:") == 3
