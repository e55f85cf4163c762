"""Refuses a switch or a rollback whose record or Lease the API server does not take. Pure functions."""

import httpx

from switchyard.codes import Code
from switchyard.config.models.service_name import key_of
from switchyard.errors import ApiStatusError, RejectedError
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.error_mapping import WRITTEN
from switchyard.release.by_hand import switch_by_hand
from switchyard.release.plan import Observation, Plan
from switchyard.release.refusals import UNTOUCHED, not_switched

_UNANSWERED = frozenset({httpx.codes.INTERNAL_SERVER_ERROR, httpx.codes.GATEWAY_TIMEOUT})
"""Statuses of a write for which a webhook gave no answer: 500, or 504 if the time of the write was over before."""

_OF_WEBHOOK = "admission webhook"
"""Part of the message of the API server if a webhook denies a write, which chooses the status itself."""


def refuse_unrecorded(plan: Plan, error: RejectedError | ApiStatusError) -> Refusal | None:
    """Refuses a command whose record or Lease a policy, a quota or a webhook keeps from being written.

    Args:
        plan: the command.
        error: the answer to the write, or to a read before it. Status 409, an API server that is overloaded, and one
            that does not answer a read either, are no refusal of the record.
    """
    if isinstance(error, ApiStatusError) and not _is_of_webhook(error):
        return None
    name, observation = plan.observation.name, plan.observation
    done = UNTOUCHED if plan.warm_tag is None else not_switched(plan)
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
        observed=f"its record cannot be written: {str(error).rstrip('.')}",
        rule="without a record, the next update or the next rollback would bring the other version back",
        remedy=remedy,
    )


def _is_of_webhook(error: ApiStatusError) -> bool:
    is_kept = error.status_code in _UNANSWERED or _OF_WEBHOOK in str(error)
    return error.verb in WRITTEN and is_kept


def report_unread(observation: Observation, why: str) -> str:
    """Reports that a rollback cannot read the record, with the commands that switch without it.

    Args:
        observation: observation of the service.
        why: why it cannot be read, and how to repair that.
    """
    other = observation.colours[observation.serving.other]
    by_hand = switch_by_hand(observation.name, observation.settings, other.colour)
    return (
        f"{why.rstrip('.')}. {observation.what_serves} If that takes too long, and {other} is the version to go back "
        f"to, switch by hand: {by_hand}"
    )
