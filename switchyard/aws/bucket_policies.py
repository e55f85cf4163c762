"""The policy documents of the buckets, which apply whatever policies a caller has."""

from switchyard.aws.policy_documents import Document, Statement, document

LOG_DELIVERY = "logdelivery.elasticloadbalancing.amazonaws.com"
"""Service principal that writes the access logs of load balancers, in every region.

The accounts that older policies name differ from region to region, and regions that came after August 2022 have none
(user guide of the ALB, Enable access logs).
"""


def backups(bucket: str) -> Document:
    """Policy of the bucket for backups: it denies requests without TLS, and leaves the rest to the callers' policies.

    Args:
        bucket: ARN of the bucket.
    """
    return document(_tls_only(bucket))


def access_logs(account: str, bucket: str, prefix: str) -> Document:
    """Policy of the bucket for access logs: AWS delivers the logs of one account, and requests without TLS are denied.

    The account in the path is that of the load balancer. There is no condition on ``aws:SourceArn``, because the
    guide's policy has none, and without it in a delivery the statement would allow nothing.

    Args:
        account: account of the load balancers.
        bucket: ARN of the bucket.
        prefix: prefix of the logs, as the load balancer has it.
    """
    delivery: Statement = {
        "Sid": "Delivery",
        "Effect": "Allow",
        "Principal": {"Service": LOG_DELIVERY},
        "Action": ["s3:PutObject"],
        "Resource": f"{bucket}/{prefix}/AWSLogs/{account}/*",
    }
    return document(delivery, _tls_only(bucket))


def _tls_only(bucket: str) -> Statement:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
