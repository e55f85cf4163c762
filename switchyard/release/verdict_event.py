"""Converts a verdict of the watch into an event of a release. Pure functions."""

import asyncio

from switchyard.release.phases import Event
from switchyard.release.verdict import Outcome, Verdict

EVENTS = {Outcome.PASS: Event.PASSED, Outcome.BREACH: Event.BREACHED}
"""The event for each outcome of a watch; other outcomes have no verdict."""


def breach(watch: "asyncio.Task[Verdict] | None") -> Verdict | None:
    """The verdict of a watch that the new version failed; None for any other watch."""
    if watch is None or not watch.done() or watch.cancelled() or watch.exception() is not None:
        return None
    return watch.result() if watch.result().outcome is Outcome.BREACH else None


def in_words(verdict: Verdict) -> str:
    """The text of a verdict with its code, for the record of the phase."""
    code = f" ({verdict.code})" if verdict.code else ""
    watched = f"{verdict.seconds:.0f} s watched. " if verdict.seconds else ""
    return f"{watched}{verdict.sentence.removesuffix('.')}{code}"
