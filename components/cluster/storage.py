"""What outlives a machine: the key, the secrets that a machine reads at its start, and the bucket with its backups."""

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
    """A key, an encrypted parameter for each secret, and an encrypted bucket for backups.

    In production the key and the bucket stay when the stack is destroyed: a backup is most wanted then.
    """

    key_arn: pulumi.Output[str]
    """Of the key that encrypts parameters, backups and the machines' disks."""
    bucket: pulumi.Output[str]
    """Name of the bucket for backups."""
    bucket_arn: pulumi.Output[str]
    """Its ARN."""
    parameter_arns: dict[str, pulumi.Output[str]]
    """Of the parameters with the secrets, by their names."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        production: bool,
        secrets: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes them.

        Args:
            name: of the component.
            cluster: settings.
            production: whether backups stay when the stack is destroyed.
            secrets: text by key, as switchyard.bootstrap.cloud_init has them: ``pki/ca.key``, ``join/token``.
            opts: of the component.
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
            policy=lambda arn: arn.apply(lambda found: policy_documents.text(bucket_policies.backups(found))),
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
    """The value, if a parameter of SSM holds it.

    Raises:
        pulumi.RunError: it does not; the message does not show the value.
    """
    with errors_end_the_run():
        return cloud_init.parameter_value(parameter, value)
