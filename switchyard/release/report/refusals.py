"""Refusals of `switchyard report`. Pure functions."""

import re
from collections.abc import Collection

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.gates.rules.refusal import Refusal

SPAN = re.compile(r"([1-9]\d{0,3})([hdw])")
"""Pattern of the period of a report: a number of hours, days or weeks."""


def refuse_span(text: str) -> Refusal | None:
    """Refuses a text that is not a number of hours, days or weeks."""
    if SPAN.fullmatch(text):
        return None
    return Refusal(
        code=Code.REPORT_TIME_INVALID,
        step="The report",
        observed=f"--since {text!r} is not a period",
        rule="it is a number of hours, days or weeks",
        remedy=f"For example: {typed('switchyard report --since 30d')}",
    )


def refuse_unreported(keys: Collection[str], stack: str, services: Collection[str]) -> Refusal | None:
    """Refuses a service that the stack does not have."""
    unknown = [key for key in keys if key not in services]
    if not unknown:
        return None
    return Refusal(
        code=Code.SERVICE_UNKNOWN,
        step=f"{unknown[0]}: the report",
        observed=f"stack {stack} has " + (f"the services {', '.join(services)}" if services else "no services"),
        rule="a service is named by its key under switchyard:services",
        remedy=f"All of them: switchyard report --stack {stack}",
    )
