"""Refuses a switch or a rollback whose record the API server does not take. Pure functions."""

import httpx

from switchyard.codes import Code
from switchyard.config.models.service_name import key_of
from switchyard.errors import ApiStatusError, RejectedError
from switchyard.gates.rules.refusal import Refusal
from switchyard.release.by_hand import switch_by_hand
from switchyard.release.plan import Plan
from switchyard.release.refusals import UNTOUCHED


def refuse_unrecorded(plan: Plan, error: RejectedError | ApiStatusError) -> Refusal | None:
    """Refuses a command whose record a policy, a quota or a webhook that does not answer keeps from being written.

    Args:
        plan: the command.
        error: the answer to the write. Status 409, and an API server that is overloaded, are no refusal of the record.
    """
    if isinstance(error, ApiStatusError) and error.status_code != httpx.codes.INTERNAL_SERVER_ERROR:
        return None
    name, observation = plan.observation.name, plan.observation
    done = UNTOUCHED if plan.warm_tag is None else f"{plan.target} has its pods, and nothing else was changed."
    remedy = f"{done} {observation.what_serves} Repair what keeps the record from being written, and try again."
    if plan.patch:
        other = observation.colours[plan.target.other]
        version = f"{other.colour} {other.tag or ''}".rstrip()
        remedy += (
            f" If that takes too long, switch by hand, and stop the pipelines that would bring {version} back: "
            f"{switch_by_hand(name, observation.settings, plan.target)}"
        )
    return Refusal(
        code=Code.RELEASE_UNRECORDED,
        step=f"{key_of(name)}: the {plan.act} to {plan.target}",
        observed=f"its record cannot be written: {error}",
        rule="without a record, the next update or the next rollback would bring the other version back",
        remedy=remedy,
    )
