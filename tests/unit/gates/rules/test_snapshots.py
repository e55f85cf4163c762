"""Warnings of snapshots of etcd that are not taken any more."""

from datetime import UTC, datetime, timedelta

import pytest

from switchyard.config.models.ec2 import BackupSettings
from switchyard.gates.rules.snapshots import first_key, late_snapshot, snapshot_due_since

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
BACKUP = BackupSettings(every_minutes=15, keep_days=14)


def test_a_snapshot_is_late_after_three_intervals() -> None:
    since = snapshot_due_since(BACKUP, NOW - timedelta(days=1), NOW)
    assert since == NOW - timedelta(minutes=45)


@pytest.mark.parametrize("age", [timedelta(minutes=44), None])
def test_no_snapshot_is_due_on_a_machine_that_has_just_joined(age: timedelta | None) -> None:
    assert snapshot_due_since(BACKUP, None if age is None else NOW - age, NOW) is None


def test_a_bucket_without_a_recent_snapshot_is_reported() -> None:
    said = str(late_snapshot([], "backups", BACKUP, NOW))
    assert said.startswith(
        "bucket backups has no snapshot of etcd since 2026-01-31T12:00:00Z, and one is due every 15 min (SY-E009)."
    )
    assert "deleted after 14 days" in said
    assert "sudo systemctl start switchyard-snapshot" in said


def test_a_snapshot_without_its_data_is_none() -> None:
    assert late_snapshot(["snapshots/20260131T120500Z/pki.tar.gz"], "backups", BACKUP, NOW) is not None
    assert late_snapshot(["snapshots/20260131T120500Z/etcd.db"], "backups", BACKUP, NOW) is None


def test_the_first_key_comes_before_those_of_snapshots_since_then_alone() -> None:
    earlier, later = "snapshots/20260131T115959Z/etcd.db", "snapshots/20260131T120000Z/etcd.db"
    assert earlier < first_key(NOW) < later
