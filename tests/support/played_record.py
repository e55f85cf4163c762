"""An API server with the record of a service's releases, for tests."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from switchyard.kube.rolled_back import ROLLED_BACK, RolledBack


@dataclass
class Record:
    """An API server with the record of the service's releases, and nothing else.

    Attributes:
        rolled_back: versions that were rolled back; None without a record.
        error: raised by the call.
    """

    rolled_back: tuple[RolledBack, ...] | None = None
    error: Exception | None = None

    async def find(self, *_: str) -> dict[str, Any] | None:
        if self.error is not None:
            raise self.error
        if self.rolled_back is None:
            return None
        versions = json.dumps([version.to_json() for version in self.rolled_back])
        return {"metadata": {"name": "backend-release"}, "data": {ROLLED_BACK: versions}}


class WithRecord:
    """A fake cluster whose API server has the record of the service's releases, at first none."""

    api: ClassVar[Any] = Record()
