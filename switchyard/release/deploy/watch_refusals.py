"""Refusals and warnings about a new version that cannot be watched: pure functions."""

from collections.abc import Mapping

from switchyard.codes import Code
from switchyard.config.commands import below, typed
from switchyard.config.models.service_name import key_of
from switchyard.config.validation.services import SERVICES
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting, without
from switchyard.release.plan import Plan
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.text import deploying
from switchyard.release.watch.pod_metrics import Reading


def unreadable(new: Reading) -> str:
    """The reason why no metrics of a new version can be read; empty if some can.

    New pods that Prometheus has not scraped yet do not count as unreadable.

    Args:
        new: a reading of the pods of the new version.
    """
    if new.error or new.source_error:
        return new.error or new.source_error
    return new.problem if not new.source and not new.series else ""


def refuse_unwatched(plan: Plan, record: ReleaseRecord, new: Reading, versions: Mapping[str, str]) -> Refusal | None:
    """Refuses a switch to a version whose watch could read no metrics.

    Args:
        plan: the switch.
        record: the record of the release.
        new: a reading of the pods of the version.
        versions: the versions of the services that are released together, by the key of the service.
    """
    problem = unreadable(new)
    if not problem:
        return None
    again = deploying(record, versions)
    path = f"{below(SERVICES, record.service)}.release.watch{'.prometheus' if _is_scraped(plan) else ''}"
    return Refusal(
        code=Code.WATCH_IMPOSSIBLE,
        step=f"{record.service}: the switch to {plan.target} {record.tag}",
        observed=f"{_asked(plan)}: {problem}",
        rule=f"a new version gets traffic only if its watch can read its metrics ({path})",
        remedy=(
            f"Nothing was switched. {_repair(plan, new)}. Then: {again}. For an unplanned repair that cannot wait: "
            f"{again} --hotfix"
        ),
    )


def report_unwatched(plan: Plan, record: ReleaseRecord, new: Reading) -> str:
    """Warns that a hotfix continues although its watch can read no metrics.

    Args:
        plan: the switch.
        record: the record of the release.
        new: a reading of the pods of the version.
    """
    return notice(
        Code.WATCH_IMPOSSIBLE,
        record.service,
        f"{_asked(plan)}: {unreadable(new)}",
        f"The release is a hotfix and continues. If this lasts, its watch is undecided, and it is held with "
        f"{plan.target} serving. To go back then: {typed(f'switchyard abort {record.service}')}",
    )


def warn_some_unread(plan: Plan, new: Reading) -> str | None:
    """Warns of pods of a new version without metrics; None if all have some, or Prometheus is the source.

    Args:
        plan: the switch.
        new: a reading of the pods of the version.
    """
    if new.source or not new.problem:
        return None
    return notice(
        Code.WATCH_INCOMPLETE,
        key_of(plan.observation.name),
        f"{_asked(plan)}: {new.problem}",
        f"If this lasts, the watch is undecided, and the release is held with {plan.target} serving.",
    )


def warn_not_compared(plan: Plan, old: Reading) -> str | None:
    """Warns that the version that serves has no metrics to compare the new one with; None if it has.

    Args:
        plan: the switch.
        old: a reading of the pods of the version that serves.
    """
    if any(old.series.values()):
        return None
    key, watch = key_of(plan.observation.name), plan.observation.settings.release.watch
    why = old.problem or f"no pod has counted a request in {watch.requests_metric}"
    return notice(
        Code.WATCH_INCOMPLETE,
        key,
        f"{plan.source.colour}, which serves, has no metrics: {why}",
        f"This is normal for a service that has had no users yet. Otherwise the watch may find no metrics of "
        f"{plan.target} either, and is then undecided. To see what a watch of {plan.source.colour} would read: "
        + typed(f"switchyard analyze {key}"),
    )


def _is_scraped(plan: Plan) -> bool:
    """Whether Prometheus is the source, and not the pods."""
    return plan.observation.settings.release.watch.prometheus is not None


def _asked(plan: Plan) -> str:
    """A clause that names the unreadable metrics and their source."""
    settings = plan.observation.settings
    watch = settings.release.watch
    if _is_scraped(plan):
        return f"the samples of {watch.requests_metric} of {plan.target} cannot be read"
    return f"{watch.path} of {plan.target} (port {watch.port or settings.port}) cannot be read through the API server"


def _repair(plan: Plan, new: Reading) -> str:
    """The remedy that makes the source readable, without a full stop."""
    if new.denied:
        return f"Grant the permissions: `{typed('switchyard rbac')} | kubectl apply -f -`"
    if new.error:
        return "Repair the cause"
    if new.source:
        return (
            "Repair the address or what is behind it. Or read the metrics from the pods themselves: "
            f"{without(plan.observation.name, 'release.watch.prometheus')}"
        )
    path = f"{below(SERVICES, key_of(plan.observation.name))}.release.watch"
    return (
        f"If the application has its metrics elsewhere, set {path}.path or {path}.port. If it has none, nothing can be "
        f"watched: {setting(plan.observation.name, 'release.watch.seconds', 0)}"
    )
