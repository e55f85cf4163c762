"""What a verdict of the watch is for the phases of a release: pure functions."""

import asyncio

from switchyard.release.phases import Event
from switchyard.release.verdict import Outcome, Verdict

EVENTS = {Outcome.PASS: Event.PASSED, Outcome.BREACH: Event.BREACHED}
"""The event that a verdict is; all others are no verdict."""


def breach(watch: "asyncio.Task[Verdict] | None") -> Verdict | None:
    """The verdict of a watch that has condemned the new version; None of any other, and of one that still runs."""
    if watch is None or not watch.done() or watch.cancelled() or watch.exception() is not None:
        return None
    return watch.result() if watch.result().outcome is Outcome.BREACH else None


def in_words(verdict: Verdict) -> str:
    """A verdict with its code, as the record of the phase has it."""
    code = f" ({verdict.code})" if verdict.code else ""
    watched = f"{verdict.seconds:.0f} s watched. " if verdict.seconds else ""
    return f"{watched}{verdict.sentence.removesuffix('.')}{code}"
