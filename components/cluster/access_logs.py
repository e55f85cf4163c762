"""The bucket for the access logs of the load balancer."""

import pulumi
import pulumi_aws as aws

from components.cluster.bucket import PrivateBucket
from switchyard.aws import bucket_policies, policy_documents
from switchyard.aws.tags import tags
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.manifests.ingress import LOG_PREFIX

UNDELETE_DAYS = 7
"""Days for which a deleted log can be restored. Logs have addresses of users, so that they must not stay for long."""


class AccessLogs(pulumi.ComponentResource):
    """A bucket for the access logs of the load balancer, and its ownership controls.

    Encrypted with the keys of S3: the delivery of access logs supports no others (user guide of the ALB, Enable access
    logs). In production the bucket is retained when the stack is destroyed, so that a destroy does not erase who sent
    requests. Its lifecycle rule still deletes every log.
    """

    bucket: pulumi.Output[str]
    """Name of the bucket, known when its policy permits the load balancer to write, which AWS checks."""

    def __init__(
        self, name: str, *, cluster: Ec2Cluster, production: bool, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Registers the bucket.

        Args:
            name: name of the component.
            cluster: settings of the cluster, with a load balancer.
            production: whether logs are kept when the stack is destroyed.
            opts: options of the component.

        Raises:
            ValueError: the settings have no load balancer.
        """
        super().__init__("switchyard:storage:AccessLogs", name, None, opts)
        if cluster.load_balancer is None:
            raise ValueError("the cluster has no load balancer")
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=production)
        caller = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=self))

        def policy(arn: pulumi.Output[str]) -> pulumi.Output[str]:
            known = pulumi.Output.all(caller.account_id, arn)
            return known.apply(lambda both: _delivery(both[0], both[1]))

        bucket = PrivateBucket(
            f"{name}-bucket",
            key_arn=None,
            policy=policy,
            prefix=f"{LOG_PREFIX}/",
            keep_days=cluster.load_balancer.access_log_days,
            undelete_days=UNDELETE_DAYS,
            erasable=not production,
            tags=tags(cluster, "access-logs"),
            opts=kept,
        )
        # AWS delivers the logs from an account of its own; the objects belong to the owner of the bucket nevertheless.
        aws.s3.BucketOwnershipControls(
            f"{name}-bucket-owner",
            bucket=bucket.name,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=kept,
        )
        self.bucket = bucket.name
        self.register_outputs({"bucket": self.bucket})


def _delivery(account: str, bucket: str) -> str:
    return policy_documents.text(bucket_policies.access_logs(account, bucket, LOG_PREFIX))
