"""Records of releases, for tests."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from switchyard.release.record.release_record import ReleaseRecord

START = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def record(number: int = 0, **changes: Any) -> ReleaseRecord:
    release = ReleaseRecord(
        id=f"id-{number}",
        kind="deploy",
        service="backend",
        source="blue",
        target="green",
        from_tag="v1.0.0",
        tag=f"v2.0.{number}",
        actor="ada",
        host="laptop",
        started="2030-01-31T12:00:00Z",
    )
    return replace(release, **changes)
