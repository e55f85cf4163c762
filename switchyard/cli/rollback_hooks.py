"""Runs the hooks of a rollback by the fast lane: few rollbacks have some, and none waits for this import."""

from typing import Protocol

from switchyard.config.models.service import BlueGreenSettings
from switchyard.config.models.service_name import ServiceName
from switchyard.errors import ClusterError
from switchyard.kube.cluster import Cluster
from switchyard.release.hook_calls import ClusterHookCalls
from switchyard.release.hook_record import HookRecord
from switchyard.release.hooks import HookRuns, after_rollback
from switchyard.release.journal import ReleaseJournal


class HookReport(Protocol):
    """Prints what becomes of hooks."""

    def warn(self, line: str) -> None:
        """Reports a warning."""

    def hook_ended(self, hook: HookRecord) -> None:
        """Reports the end of a hook."""


async def run_rollback_hooks(
    cluster: Cluster, service: BlueGreenSettings, name: ServiceName, journal: ReleaseJournal, report: HookReport
) -> None:
    """Runs the hooks of a rollback, which is done whatever becomes of them.

    Args:
        cluster: the cluster.
        service: the settings of the service.
        name: name of the service.
        journal: journal of the service, in which the rollback has begun.
        report: prints how each hook ends.
    """
    calls = ClusterHookCalls(cluster.api, service, journal.now)
    runs = HookRuns(service.release.hooks, calls, journal, report.warn, report.hook_ended)
    try:
        await after_rollback(runs, journal.record, name)
    except ClusterError as error:
        report.warn(f"{name}: the hooks of the rollback are not finished, and it is done: {error}")
