"""Why nobody goes back once a hook has begun that cannot be undone: pure functions."""

from collections.abc import Iterable

from switchyard.codes import Code
from switchyard.gates.rules.refusal import Refusal
from switchyard.release.hook_record import HookOutcome, HookRecord
from switchyard.release.phases import Result
from switchyard.release.plan import Act, Plan
from switchyard.release.record import ReleaseRecord
from switchyard.release.refusals import UNTOUCHED


def _last_irreversible(
    releases: Iterable[ReleaseRecord | None], colour: str, tag: str | None
) -> tuple[ReleaseRecord, HookRecord] | None:
    """The release after which a version no longer works, with the hook that made it so; None where there is none.

    Releases that never served change nothing about it. A later one by which that very version has served does: it has
    been proved against what the hook has left, or an operator has answered for it.

    Args:
        releases: newest first.
        colour: of the version that is to serve again.
        tag: the version; None where it is not known.
    """
    for release in releases:
        if release is None:
            continue
        hook = release.irreversible
        if hook is not None and release.source == colour and tag in {None, release.from_tag}:
            return release, hook
        if release.kind != Act.DRILL and release.tag == tag and release.result is Result.SUCCEEDED:
            return None
    return None


def refuse_gone(plan: Plan, releases: Iterable[ReleaseRecord | None]) -> Refusal | None:
    """Refuses to go back to a version that a hook has left behind.

    Args:
        plan: a rollback or a switch.
        releases: of the service, newest first.
    """
    if not plan.patch:
        return None
    behind = _last_irreversible(releases, plan.target.value, plan.to_tag)
    if behind is None:
        return None
    release, hook = behind
    key = plan.observation.name.key
    override = f"switchyard rollback {key} --override REASON"
    return Refusal(
        code=Code.OLD_VERSION_GONE,
        step=f"{key}: the {plan.act} to {plan.target} {plan.to_tag or ''}".rstrip(),
        observed=_observed(release, hook),
        rule="a version is not brought back to a state that it may not work with",
        remedy=(
            f"{UNTOUCHED} {plan.observation.what_serves} Repair it with a new version: switchyard deploy {key} TAG. If "
            f"you know that {plan.to_tag or plan.target} works all the same, say why: {override}"
        ),
    )


def refuse_abort(record: ReleaseRecord) -> Refusal | None:
    """Refuses to take a release back that has begun a hook which cannot be undone."""
    hook = record.irreversible
    if hook is None:
        return None
    return Refusal(
        code=Code.OLD_VERSION_GONE,
        step=f"{record.service}: the abort of {record.tag}",
        observed=_observed(record, hook),
        rule="a version is not brought back to a state that it may not work with",
        remedy=(
            f"{UNTOUCHED} {record.service} serves {record.target} {record.tag}. Finish the release: switchyard resume "
            f"{record.service}. If you know that {record.from_tag or record.source} works all the same, say why: "
            f"switchyard rollback {record.service} --override REASON"
        ),
    )


def _observed(release: ReleaseRecord, hook: HookRecord) -> str:
    condition = {
        HookOutcome.PASSED: f"has run at {hook.ended}",
        HookOutcome.FAILED: f"has failed at {hook.ended}, after it had begun",
    }.get(hook.outcome or HookOutcome.UNKNOWN, f"was begun at {hook.started}, and may have run")
    old = release.from_tag or release.source
    return (
        f"hook {hook.name} of the release of {release.tag or release.target} ({release.id}, by {release.actor}) "
        f"{condition}; it is irreversible, and {old} no longer works after it"
    )
