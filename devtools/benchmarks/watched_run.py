"""One release of a version under load, and when it was switched, rolled back and last answered."""

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devtools.benchmarks.load import Load, Request, wait_for_answer
from devtools.benchmarks.method import TAGS
from devtools.benchmarks.watched_methods import WatchedMethod

OLD, NEW = TAGS["blue"], TAGS["green"]

SECONDS_BEFORE = 3
"""Seconds of load before the release, so that the latency of the old version is known."""

SECONDS_AFTER = 3
"""Seconds of load after the release, so that last answers of the bad version are seen."""

AT_THE_END_SECONDS = 0.5
"""A version that still answers within these last seconds of the load counts as still answering."""


@dataclass(frozen=True)
class WatchedRun:
    """One release, seconds from the switch of the selector.

    Attributes:
        rate: requests a second.
        rolled_back: whether the old version serves again.
        reason: reason as the method reports it.
        back: seconds from the switch to the switch back; None without one.
        last_new: seconds to the new version's last answer over a new connection; None without one.
        last_kept: seconds to its last answer over a kept connection; None without one.
        stays: whether the new version still answered at the end of the load over some connection.
        failed: requests that failed, from the switch on.
        answered: requests that the new version answered.
        requests: number of requests sent from the switch on.
        took: seconds from the start of the release's command to its end.
    """

    rate: int
    rolled_back: bool
    reason: str
    back: float | None
    last_new: float | None
    last_kept: float | None
    stays: bool
    failed: int
    answered: int
    requests: int
    took: float


class Selectors:
    """Notes each change of the selector of Service `backend`, with its time, while the block runs."""

    def __init__(self, method: WatchedMethod) -> None:
        command = [
            *method.kubectl_command(),
            "get",
            "service",
            "backend",
            "--watch",
            "-o",
            "jsonpath={.spec.selector}{'\\n'}",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._seen: list[tuple[float, str]] = []
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._begun.wait(SECONDS_BEFORE * 10):
            raise TimeoutError("the watch of the Service does not begin")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()

    @property
    def changes(self) -> list[float]:
        """Times at which the selector was changed, in Unix seconds."""
        return [at for at, _ in self._seen[1:]]

    def _read(self) -> None:
        for line in self._process.stdout or ():
            if line.strip() and (not self._seen or self._seen[-1][1] != line.strip()):
                self._seen.append((time.time(), line.strip()))
                self._begun.set()


def measured(requests: Sequence[Request], changes: Sequence[float]) -> dict[str, Any]:
    """The fields of a `WatchedRun` that are computed from the requests and the changes of the selector.

    Raises:
        ValueError: the selector has not changed, or not to a version that answered.
    """
    if not changes:
        raise ValueError("nothing was switched")
    switched = changes[0]
    since = [request for request in requests if request.done >= switched]
    new = [request for request in since if request.version == NEW]
    if not new:
        raise ValueError("the new version got no request")
    own, kept = ([request.done for request in new if request.keep_alive is kind] for kind in (False, True))
    ended = max(request.done for request in requests)
    return {
        "back": changes[1] - switched if len(changes) > 1 else None,
        "last_new": max(own) - switched if own else None,
        "last_kept": max(kept) - switched if kept else None,
        "stays": ended - max([*own, *kept]) < AT_THE_END_SECONDS,
        "failed": sum(request.failed for request in since),
        "answered": len(new),
        "requests": len(since),
    }


def release(
    method: WatchedMethod, env: dict[str, str], rate: int, number: int, addresses: Sequence[str], directory: Path
) -> WatchedRun:
    """One release under load.

    Args:
        method: method that releases the version.
        env: environment of the new version.
        rate: requests a second.
        number: number of the release.
        addresses: addresses of the nodes.
        directory: directory for the recordings.
    """
    folder = directory / f"load-{number}"
    folder.mkdir()
    for address in addresses:
        wait_for_answer(address, method.port(), OLD)
    with Selectors(method) as selectors, Load(addresses, method.port(), rate, folder) as load:
        time.sleep(SECONDS_BEFORE)
        began = time.monotonic()
        rolled_back, reason = method.release(env, number)
        took = time.monotonic() - began
        time.sleep(SECONDS_AFTER)
    requests = load.requests()
    return WatchedRun(
        rate=rate, rolled_back=rolled_back, reason=reason, took=took, **measured(requests, selectors.changes)
    )
