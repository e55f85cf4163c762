"""The formats of a message about a release: the text for Slack, and the JSON document."""

from collections.abc import Mapping
from typing import Any

from switchyard.release.phases import Event, Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.outbox import Message

VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""

QUOTED_CHARACTERS = 500
"""Number of characters of a reason, or of a text from the record, that a message shows."""

WORSE, UNDECIDED = "breach", frozenset({"undecided", "noTraffic"})
"""Verdicts of a watch in its numbers, as in `switchyard.release.watch.verdict.Outcome`, which takes long to import."""


def json_document(message: Message) -> dict[str, Any]:
    """The JSON document, which docs/notifications.md describes."""
    return {
        "version": VERSION,
        "id": message.id,
        "event": message.event,
        "at": message.at,
        "stack": message.stack,
        "service": message.release["service"],
        "release": dict(message.release),
    }


def slack_document(message: Message) -> dict[str, Any]:
    """The document for an incoming webhook of Slack. Mentions such as `@channel` in a reason have no effect."""
    text = slack_text(message)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)
    return {"text": text}


def slack_text(message: Message) -> str:
    """The message as text: what happened, who and why, the numbers, and the next command."""
    release = message.release
    happened, numbers, follows = {
        "start": _start,
        "verdict": _verdict,
        "rollback": _rollback,
        "retirement": _retirement,
    }.get(message.event, _start)(release)
    key, stack = release["service"], message.stack
    lines = [f"{key} (stack {stack}): {happened}", *numbers]
    if release.get("reason"):
        lines.append(f"Reason: {_quoted(release['reason'])}")
    on = f"--stack {stack}"
    lines.append("; ".join(step.format(service=key, on=on) for step in follows))
    return "\n".join(lines)


Parts = tuple[str, list[str], tuple[str, ...]]
"""What happened, lines with numbers, and the next commands, with {service} and {on}."""

_STATUS = "Now: switchyard status {on}"
_BACK = "To go back: switchyard rollback {service} {on}"
_HISTORY = "More: switchyard history {service} {on}"
_OPEN = ("To continue: switchyard resume {service} {on}", "To abort: switchyard abort {service} {on}")


def _start(release: Mapping[str, Any]) -> Parts:
    act = "switch" if release["kind"] == Act.SWITCH else "release"
    text = f"the {act} of {_new(release)} has begun, by {_who(release)}; {_old(release)} serves until the switch."
    return text, [], (_STATUS,)


def _verdict(release: Mapping[str, Any]) -> Parts:
    watch = next((phase for phase in reversed(release["phases"]) if phase["phase"] == Phase.WATCH), None)
    if release["result"] in {Result.REFUSED, Result.FAILED} or watch is None:
        word = "was refused" if release["result"] == Result.REFUSED else "has failed"
        text = f"the release of {_new(release)} {word} before users had it; {_old(release)} serves."
        return text, _details(release.get("detail")), (_HISTORY,)
    numbers = watch.get("numbers") or {}
    lines = [*_details(watch.get("detail")), *_numbers(numbers)]
    # A hook, or another release of the group, may end a watch as well: then the detail is the reason.
    verdict = numbers.get("outcome")
    if watch["outcome"] == Event.PASSED:
        passed = "was not watched" if numbers.get("seconds") == 0 else "has passed its watch"
        return f"{_new(release)} serves, and {passed}.", lines, (_STATUS, _BACK)
    if watch["outcome"] == Event.BREACHED:
        worse = "is worse than accepted, and " if verdict == WORSE else ""
        return f"{_new(release)} {worse}is rolled back to {_old(release)}.", lines, (_STATUS, _HISTORY)
    if watch["outcome"] == Event.REVERTED:
        return f"{_new(release)} is not judged, because {_old(release)} serves again.", lines, (_STATUS, _HISTORY)
    undecided = "its watch is undecided: " if verdict in UNDECIDED else ""
    return f"{_new(release)} serves, and {undecided}the release is held.", lines, _OPEN


def _rollback(release: Mapping[str, Any]) -> Parts:
    if release["kind"] == Act.ROLLBACK:
        text = f"{_new(release)} serves again, rolled back from {_old(release)} by {_who(release)}."
        return text, [], (_STATUS, _HISTORY)
    text = f"{_old(release)} serves again: the release of {_new(release)} by {_who(release)} was rolled back."
    return text, _details(release.get("detail")), (_STATUS, _HISTORY)


def _retirement(release: Mapping[str, Any]) -> Parts:
    text = f"{_new(release)} is released, and {_old(release)} is retired. Begun at {release['started']}"
    return f"{text} by {_who(release)}, ended at {release['ended']}.", [], (_BACK,)


def _new(release: Mapping[str, Any]) -> str:
    return _version(release["to"], release.get("tag"))


def _old(release: Mapping[str, Any]) -> str:
    return _version(release["from"], release.get("fromTag"))


def _version(colour: str, tag: str | None) -> str:
    return f"{tag} in {colour}" if tag else str(colour)


def _who(release: Mapping[str, Any]) -> str:
    return f"{release['actor']} on {release['host']}"


def _details(detail: str | None) -> list[str]:
    return [_quoted(detail)] if detail else []


def _numbers(numbers: Mapping[str, Any]) -> list[str]:
    """The lines with the numbers of a verdict, for the new version and for the old one before."""
    sides = ((name, numbers.get(name)) for name in ("new", "old"))
    texts = [f"{name} {_side(side)}" for name, side in sides if side and side.get("requests") is not None]
    if not texts:
        return []
    seconds = numbers.get("seconds")
    return [f"Seen{'' if seconds is None else f' in {seconds:g} s'}: {'; '.join(texts)}"]


def _side(side: Mapping[str, Any]) -> str:
    requests, errors, p95 = side["requests"], side.get("errors") or 0, side.get("p95")
    share = f" ({errors / requests:.2%})" if requests else ""
    return f"{requests:,} requests, {errors:,} failed{share}" + ("" if p95 is None else f", p95 {p95:g} s")


def _quoted(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= QUOTED_CHARACTERS else f"{words[:QUOTED_CHARACTERS]}..."
