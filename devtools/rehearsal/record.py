"""Records the calls to a fake provider, one JSON object a line, without secrets."""

import json
import threading
import time
from pathlib import Path
from typing import Any

from devtools.rehearsal.values import Values

HIDDEN = "[secret]"


class Record:
    """A file of calls, in the order in which they ended.

    Args:
        file: the file, to which each call is appended, so that the calls of several updates follow each other.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()

    def write(self, operation: str, urn: str, values: Values, secrets: set[str], **more: Any) -> None:
        """Appends a call.

        Args:
            operation: create, update, delete, read or invoke.
            urn: URN of the resource, or token of the function.
            values: inputs of the resource or arguments of the function.
            secrets: names of the inputs that are not recorded.
            more: further properties of the call.
        """
        shown = {key: HIDDEN if key in secrets else value for key, value in values.items()}
        line = {"operation": operation, "urn": urn, **more, "inputs": shown, "time": round(time.time(), 3)}
        with self._lock, self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def calls(self, *operations: str) -> list[dict[str, Any]]:
        """The calls so far.

        Args:
            operations: the operations to include; all without any.
        """
        if not self.file.exists():
            return []
        with self._lock:
            calls = [json.loads(line) for line in self.file.read_text().splitlines()]
        return [call for call in calls if not operations or call["operation"] in operations]

    def names(self, *operations: str) -> list[str]:
        """Names of the resources of the calls so far."""
        return [call["urn"].rpartition("::")[2] for call in self.calls(*operations)]
