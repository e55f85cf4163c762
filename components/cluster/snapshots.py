"""Warns of snapshots of etcd that are not taken any more."""

from datetime import datetime

import pulumi

from components.cluster.aws_functions import ask_aws
from switchyard.bootstrap.cloud_init import SNAPSHOTS
from switchyard.config.models.ec2 import BackupSettings
from switchyard.errors import AwsError
from switchyard.gates.rules.snapshots import first_key, late_snapshot, unknown_snapshots

LIST = "aws:s3/getObjects:getObjects"
"""The function of the AWS provider that lists keys of a bucket."""


def warn_of_late_snapshots(
    parent: pulumi.Resource, bucket: pulumi.Output[str], backup: BackupSettings, since: datetime | None
) -> pulumi.Output[str | None] | None:
    """Warns if a bucket has no snapshot since a moment. It stops no update, which may be a rollback.

    Args:
        parent: the component whose AWS provider is asked.
        bucket: name of the bucket.
        backup: how often a snapshot is taken, and how long it is kept.
        since: the moment; None if no snapshot is due yet.

    Returns:
        The warning, once it is known; None if no snapshot is due yet.
    """
    if since is None:
        return None

    async def check(name: str) -> str | None:
        arguments = {"bucket": name, "prefix": SNAPSHOTS, "startAfter": first_key(since)}
        try:
            answer = await ask_aws(LIST, arguments, parent)
        except AwsError as error:
            warning: str | None = unknown_snapshots(name, error)
        else:
            warning = late_snapshot(answer["keys"], name, backup, since)
        if warning is not None:
            pulumi.log.warn(warning, parent)
        return warning

    return bucket.apply(check)
