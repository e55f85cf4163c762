"""Storage that outlives a machine: the key, the secrets that it reads at its start, and the bucket for backups."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from components.cluster.bucket import PrivateBucket
from components.failures import errors_end_the_run
from switchyard.aws import bucket_policies, iam, policy_documents
from switchyard.aws.tags import tags
from switchyard.bootstrap import cloud_init
from switchyard.config.models.ec2 import Ec2Cluster


class Storage(pulumi.ComponentResource):
    """A KMS key with an alias, an encrypted parameter of SSM for each secret, and an encrypted bucket for backups.

    In production the key and the bucket are retained when the stack is destroyed: a backup is needed most then.
    """

    key_arn: pulumi.Output[str]
    """ARN of the key that encrypts parameters, backups and the machines' disks."""
    bucket: pulumi.Output[str]
    """Name of the bucket for backups."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket for backups."""
    parameter_arns: dict[str, pulumi.Output[str]]
    """ARNs of the parameters with the secrets, by the names of the parameters."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        production: bool,
        secrets: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the resources.

        Args:
            name: name of the component.
            cluster: settings of the cluster.
            production: whether backups are retained when the stack is destroyed.
            secrets: secret texts by the keys of `switchyard.bootstrap.cloud_init`: ``pki/ca.key``, ``join/token``.
            opts: options of the component.
        """
        super().__init__("switchyard:storage:Storage", name, None, opts)
        self._name = name
        self._cluster = cluster
        self._kept = pulumi.ResourceOptions(parent=self, retain_on_delete=production)

        key = self._key()
        self.key_arn = key.arn
        days = cluster.backup.keep_days
        bucket = PrivateBucket(
            f"{name}-backups",
            key_arn=self.key_arn,
            policy=lambda arn: arn.apply(lambda value: policy_documents.text(bucket_policies.backups(value))),
            prefix=cloud_init.SNAPSHOTS,
            keep_days=days,
            undelete_days=days,
            erasable=not production,
            tags=tags(cluster, "backups"),
            opts=self._kept,
        )
        self.bucket = bucket.name
        self.bucket_arn = bucket.arn
        self.parameter_arns = {
            cloud_init.parameter_name(cluster, secret): self._parameter(secret, text)
            for secret, text in secrets.items()
        }
        self.register_outputs(
            {
                "key_arn": self.key_arn,
                "bucket": self.bucket,
                "bucket_arn": self.bucket_arn,
                "parameter_arns": self.parameter_arns,
            }
        )

    def _key(self) -> aws.kms.Key:
        caller = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=self))
        region = self._cluster.region
        key = aws.kms.Key(
            f"{self._name}-key",
            description=f"Secrets, backups and disks of cluster {self._cluster.name}",
            enable_key_rotation=True,
            deletion_window_in_days=iam.KEY_DELETION_DAYS,
            policy=caller.arn.apply(lambda arn: policy_documents.text(iam.key(iam.AwsLocation.of(arn, region)))),
            tags=tags(self._cluster, "key"),
            opts=self._kept,
        )
        aws.kms.Alias(
            f"{self._name}-key-alias",
            name=f"alias/switchyard/{self._cluster.name}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return key

    def _parameter(self, secret: str, text: pulumi.Input[str]) -> pulumi.Output[str]:
        parameter = cloud_init.parameter_name(self._cluster, secret)
        short = secret.replace("/", "-")
        return aws.ssm.Parameter(
            f"{self._name}-{short}",
            name=parameter,
            type="SecureString",
            tier="Standard",
            key_id=self.key_arn,
            value=pulumi.Output.secret(text).apply(lambda value: fits(parameter, value)),
            tags=tags(self._cluster, short),
            opts=pulumi.ResourceOptions(parent=self),
        ).arn


def fits(parameter: str, value: str) -> str:
    """Returns a value that is not too large for a parameter of SSM.

    Raises:
        pulumi.RunError: the value is too large; the message does not show it.
    """
    with errors_end_the_run():
        return cloud_init.parameter_value(parameter, value)
