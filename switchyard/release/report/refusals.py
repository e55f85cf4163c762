"""Refusals of `switchyard report`. Pure functions."""

import re

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
