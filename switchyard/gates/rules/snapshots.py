"""Warns of snapshots of etcd that are not taken any more. They expire, so that in the end there is none."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from switchyard.bootstrap.cloud_init import SNAPSHOT_FILE, SNAPSHOTS
from switchyard.codes import Code
from switchyard.config.models.ec2 import BackupSettings
from switchyard.gates.rules.refusal import notice
from switchyard.gates.runbook import section

INTERVALS = 3
"""Intervals after which a snapshot is late: one attempt may fail, and one may still run."""

REMEDY = "On the control plane: sudo systemctl start switchyard-snapshot; sudo journalctl -u switchyard-snapshot"


def snapshot_due_since(backup: BackupSettings, machine_since: datetime | None, now: datetime) -> datetime | None:
    """The moment since which there must be a snapshot.

    Args:
        backup: how often one is taken.
        machine_since: since when the control plane's machine is a node; None if that is not known.
        now: the present time.

    Returns:
        The moment; None if the machine is younger than that.
    """
    since = now - INTERVALS * timedelta(minutes=backup.every_minutes)
    return None if machine_since is None or machine_since > since else since


def first_key(since: datetime) -> str:
    """The key in the bucket after which the keys of all snapshots since a moment come."""
    return f"{SNAPSHOTS}{since:%Y%m%dT%H%M%SZ}"


def late_snapshot(keys: Iterable[str], bucket: str, backup: BackupSettings, since: datetime) -> str | None:
    """Warns if there is no snapshot since a moment.

    Args:
        keys: keys of the bucket since then.
        bucket: name of the bucket.
        backup: how often a snapshot is taken, and how long it is kept.
        since: the moment.
    """
    if any(key.endswith(SNAPSHOT_FILE) for key in keys):
        return None
    return notice(
        Code.SNAPSHOT_LATE,
        "",
        f"bucket {bucket} has no snapshot of etcd since {since:%Y-%m-%dT%H:%M:%SZ}, and one is due every "
        f"{backup.every_minutes} min",
        "If the control plane is lost, so is every later change of the cluster; and a snapshot is deleted after "
        f"{backup.keep_days} days, the last one too. {REMEDY}. See {section('Back to a snapshot')}",
    )


def unknown_snapshots(bucket: str, error: Exception) -> str:
    """Warns that the snapshots in a bucket could not be listed."""
    return notice(
        Code.SNAPSHOT_LATE,
        "",
        f"whether bucket {bucket} has a recent snapshot of etcd is not known: {error}",
        f"The identity that runs the update needs s3:ListBucket. {REMEDY}",
    )
