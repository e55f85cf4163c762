"""Who may do what with a bucket, whatever policies of their own they have: a policy document for each bucket."""

from switchyard.aws.policy_documents import Document, Statement, document

LOG_DELIVERY = "logdelivery.elasticloadbalancing.amazonaws.com"
"""Who writes the access logs of load balancers, in every region.

The accounts that older policies name differ from region to region, and regions that came after August 2022 have none
(user guide of the ALB, Enable access logs).
"""


def backups(bucket: str) -> Document:
    """Nothing without TLS; the rest is left to the policies of those who ask.

    Args:
        bucket: its ARN.
    """
    return document(_tls_only(bucket))


def access_logs(account: str, bucket: str, prefix: str) -> Document:
    """AWS's log delivery writes the logs of one account's load balancers; nothing without TLS.

    The account in the path is the load balancer's, whoever asks for logs. There is no ``aws:SourceArn`` besides: the
    guide's policy has none, and if the delivery came without one, the statement would allow nothing.

    Args:
        account: whose load balancers they are.
        bucket: its ARN.
        prefix: of the logs, as the load balancer has it.
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
