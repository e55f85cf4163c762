"""An API server with the record of a service's releases, for tests."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from switchyard.kube.rolled_back import CURRENT, HISTORY, ROLLED_BACK, RolledBack
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.release_records import START


@dataclass
class Record:
    """An API server with the record of the service's releases and their Lease, and nothing else.

    Attributes:
        rolled_back: versions that were rolled back; None without a record.
        error: error that the call raises.
        releases: newest first, of which the first is the latest one.
        lease: the Lease, or the error that its reading raises; None without one.
    """

    rolled_back: tuple[RolledBack, ...] | None = None
    error: Exception | None = None
    releases: tuple[ReleaseRecord, ...] = ()
    lease: dict[str, Any] | Exception | None = None

    async def date(self) -> datetime:
        return START

    async def find(self, resource: str, *_: str) -> dict[str, Any] | None:
        if resource == "leases":
            if isinstance(self.lease, Exception):
                raise self.lease
            return self.lease
        if self.error is not None:
            raise self.error
        if self.rolled_back is None:
            return None
        versions = json.dumps([version.to_json() for version in self.rolled_back])
        releases = [release.to_json() for release in self.releases]
        data = {CURRENT: json.dumps(releases[0]), HISTORY: json.dumps(releases[1:])} if releases else {}
        return {"metadata": {"name": "backend-release"}, "data": {**data, ROLLED_BACK: versions}}


class WithRecord:
    """A fake cluster with the record of the service's releases, at first none, and a Service of the default port."""

    api: ClassVar[Any] = Record()

    async def service_spec(self, *_: str) -> dict[str, Any]:
        return {"ports": [{"port": 8000}]}

    async def service_targets(self, *_: str) -> dict[str, int | str]:
        return {"http": 8000}
