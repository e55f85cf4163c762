"""Runs the hooks of a rollback by the fast lane. A module of its own, so that rollbacks import it only if needed."""

from typing import Protocol

from switchyard.config.models.service import BlueGreenSettings
from switchyard.config.models.service_name import ServiceName
from switchyard.errors import ClusterError
from switchyard.kube.cluster import Cluster
from switchyard.release.hooks.calls import ClusterHookCalls
from switchyard.release.hooks.hooks import HookRuns, after_rollback
from switchyard.release.record.hook import HookRecord
from switchyard.release.switch.journal import LeasedSwitchJournal


class RollbackHookReport(Protocol):
    """Prints the results of hooks."""

    def warn(self, line: str) -> None:
        """Reports a warning."""

    def hook_ended(self, hook: HookRecord) -> None:
        """Reports the end of a hook."""


async def run_rollback_hooks(
    cluster: Cluster,
    service: BlueGreenSettings,
    name: ServiceName,
    journal: LeasedSwitchJournal,
    report: RollbackHookReport,
) -> None:
    """Runs the hooks of a rollback, whose failure does not undo the rollback.

    Args:
        cluster: the cluster.
        service: the settings of the service.
        name: name of the service.
        journal: journal of the service, which has the rollback.
        report: prints how each hook ends.
    """
    if not journal.begun:
        return  # the rollback had ended, and with it its hooks; configuration and state were still to be updated
    calls = ClusterHookCalls(cluster.api, service, journal.now)
    runs = HookRuns(service.release.hooks, calls, journal, report.warn, report.hook_ended)
    try:
        await after_rollback(runs, journal.record, name)
    except ClusterError as error:
        report.warn(f"{name}: the hooks of the rollback are not finished, and it is done: {error}")
