"""Where the load balancer writes which requests it had."""

import pulumi
import pulumi_aws as aws

from components.cluster.bucket import PrivateBucket
from switchyard.aws import bucket_policies, policy_documents
from switchyard.aws.tags import tags
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.manifests.ingress import LOG_PREFIX

UNDELETE_DAYS = 7
"""How long a log can be had back that was deleted, days. It has addresses of users, so that its end is one."""


class AccessLogs(pulumi.ComponentResource):
    """A bucket for the access logs of the load balancer.

    Encrypted with the keys of S3: the delivery of access logs takes no others (user guide of the ALB, Enable access
    logs). In production it stays when the stack is destroyed: S3 deletes no bucket with something in it, and whoever
    takes a stack down is not to erase with it who came by. Every log in it still comes to its end.
    """

    bucket: pulumi.Output[str]
    """Its name, known when the load balancer may write there: it checks that when its log is configured."""

    def __init__(
        self, name: str, *, cluster: Ec2Cluster, production: bool, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Makes it.

        Args:
            name: of the component.
            cluster: settings, with a load balancer.
            production: whether logs stay when the stack is destroyed.
            opts: of the component.

        Raises:
            ValueError: without a load balancer in the settings.
        """
        super().__init__("switchyard:storage:AccessLogs", name, None, opts)
        if cluster.load_balancer is None:
            raise ValueError("the cluster has no load balancer")
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=production)
        caller = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=self))

        def policy(arn: pulumi.Output[str]) -> pulumi.Output[str]:
            known = pulumi.Output.all(caller.account_id, arn)
            return known.apply(lambda both: _delivery(both[0], both[1]))

        made = PrivateBucket(
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
        # The delivery is not ours, and what it writes is: whatever owner a request asks for.
        aws.s3.BucketOwnershipControls(
            f"{name}-bucket-owner",
            bucket=made.name,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=kept,
        )
        self.bucket = made.name
        self.register_outputs({"bucket": self.bucket})


def _delivery(account: str, bucket: str) -> str:
    return policy_documents.text(bucket_policies.access_logs(account, bucket, LOG_PREFIX))
