"""Waits for a new cluster: until its API server answers, and until each node is Ready."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from switchyard.config.commands import typed
from switchyard.errors import ClusterError, ClusterNotReadyError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.polling import poll_until

POLL_SECONDS = 3.0
"""Seconds between two requests to an API server that cannot be watched yet."""

REPORT_SECONDS = 30.0
"""Seconds after which a wait reports again, so that a log shows progress."""

Report = Callable[[str], None]


async def wait_for_api(access: ClusterAccess, report: Report, where: str, seconds: float) -> None:
    """Waits for the first answer of the API server to its administrator.

    Args:
        access: the cluster.
        report: is called with a line about the reason for the wait.
        where: what to inspect without an answer, for the message.
        seconds: bound.

    Raises:
        ClusterNotReadyError: the API server did not answer in time.
    """

    async def observe() -> str | None:
        try:
            api = await access.api()
            # The version is everybody's. That the administrator may ask comes seconds later: kubeadm binds the group.
            await api.ask("list", "nodes", params={"limit": "1"})
        except ClusterError as error:
            return f"the API server does not answer yet ({error})"
        return None

    await _wait(observe, report, where, seconds)


async def wait_for_node(access: ClusterAccess, name: str, report: Report, where: str, seconds: float) -> None:
    """Waits until a node has joined and is Ready.

    Args:
        access: the cluster.
        name: name of the node.
        report: is called with a line about the reason for the wait.
        where: what to inspect if the node does not join, for the message.
        seconds: bound.

    Raises:
        ClusterNotReadyError: the node was not Ready in time.
    """

    async def observe() -> str | None:
        try:
            api = await access.api()
            return why_not_ready(name, await api.find("nodes", name))
        except ClusterError as error:
            return f"{name}: the API server does not answer ({error})"

    await _wait(observe, report, where, seconds)


def why_not_ready(name: str, node: Mapping[str, Any] | None) -> str | None:
    """Why a node is not Ready for pods; None when it is Ready.

    Args:
        name: name of the node.
        node: the Node object; None when it does not exist.
    """
    if node is None:
        return f"{name}: has not joined yet"
    conditions = {condition["type"]: condition for condition in node["status"].get("conditions", ())}
    ready = conditions.get("Ready", {})
    if ready.get("status") == "True":
        return None
    reason = ready.get("message") or ready.get("reason") or "no reason reported"
    return f"{name}: has joined, and is not Ready yet ({reason})"


async def _wait(observe: Callable[[], Awaitable[str | None]], report: Report, where: str, seconds: float) -> None:
    reporter = _Reporter(report)
    missing = await poll_until(
        observe, lambda problem: problem is None, seconds=seconds, every=POLL_SECONDS, report=reporter.report
    )
    if missing is not None:
        raise ClusterNotReadyError(
            f"{missing}, after {seconds:.0f} s ({ClusterNotReadyError.code}). {where}, then run "
            f"`{typed('pulumi up')}` again."
        )


class _Reporter:
    """Reports the missing condition when it changes, and at the latest after `REPORT_SECONDS`."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last: str | None = None
        self._reported_at = 0.0

    def report(self, missing: str | None) -> None:
        now = time.monotonic()
        if missing is not None and (missing != self._last or now - self._reported_at >= REPORT_SECONDS):
            self._report(missing)
            self._last, self._reported_at = missing, now
