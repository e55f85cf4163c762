"""Refusals of a rollback after an irreversible hook has started. Pure functions."""

from collections.abc import Iterable
from dataclasses import replace

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.gates.rules.incompatible_version import RULE, how_to_override
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.incompatible_version import IncompatibleVersion, find_incompatible_version
from switchyard.release.plan import Act, Plan
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.refusals import UNTOUCHED


def refuse_gone(plan: Plan, releases: Iterable[ReleaseRecord | None]) -> Refusal | None:
    """Refuses to return to a version that no longer works after an irreversible hook.

    Args:
        plan: a rollback or a switch.
        releases: releases of the service, newest first.
    """
    if not plan.patch:
        return None
    left = find_incompatible_version(releases, plan.target.value, plan.to_tag)
    if left is None:
        return None
    key, tag = plan.observation.name.key, plan.to_tag or str(plan.target)
    if plan.act is Act.ROLLBACK:  # which goes there, whatever has served since
        left = replace(left, is_before=True)
    return Refusal(
        code=Code.OLD_VERSION_GONE,
        step=f"{key}: the {plan.act} to {plan.target} {plan.to_tag or ''}".rstrip(),
        observed=str(left),
        rule=RULE,
        remedy=(
            f"{UNTOUCHED} {plan.observation.what_serves} Repair it with a new version: "
            f"{typed(f'switchyard deploy {key} TAG')}. {how_to_override(key, tag, left)}"
        ),
    )


def refuse_abort(record: ReleaseRecord) -> Refusal | None:
    """Refuses to abort a release that has started an irreversible hook."""
    hook = record.irreversible
    if hook is None:
        return None
    key, left = record.service, IncompatibleVersion(record, hook, is_before=True)
    return Refusal(
        code=Code.OLD_VERSION_GONE,
        step=f"{key}: the abort of {record.tag}",
        observed=str(left),
        rule=RULE,
        remedy=(
            f"{UNTOUCHED} {key} serves {record.target} {record.tag}. Finish the release: "
            f"{typed(f'switchyard resume {key}')}. {how_to_override(key, record.from_tag or record.source, left)}"
        ),
    )
