"""Refusals while a freeze window is open."""

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import Colour, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.windows import OpenWindow

RULE = "while releases are frozen, no other version gets traffic and no version is retired"


def refuse_frozen_switch(name: str, to: Track, serving: Track | None, window: OpenWindow | None) -> Refusal | None:
    """Refuses a switch by an update while a window is open.

    Args:
        name: name of the service.
        to: the track that would receive the traffic.
        serving: the track that serves; None without one.
        window: the open window; None without one.
    """
    colours = {track.value for track in (to, serving) if track is not None} & set(Colour)
    if window is None or to == serving or len(colours) < len(Colour):
        return None
    key = key_of(name)
    return Refusal(
        code=Code.RELEASES_FROZEN,
        step=f"{key}: the switch to {to}",
        observed=f"releases are frozen: {window}",
        rule=RULE,
        remedy=(
            f"{serving} continues to serve. Wait until then. To go back to the version before: "
            f"{typed(f'switchyard rollback {key}')}. To switch anyway: "
            + typed(f'switchyard switch {key} {to} --override "REASON"')
        ),
    )


def refuse_frozen(key: str, step: str, window: OpenWindow, override: str) -> Refusal:
    """Refuses a command while a window is open.

    Args:
        key: key of the service.
        step: what the command does, for example ``the deploy of v2.1.0``.
        window: the open window.
        override: the command that overrides the freeze; empty if there is none.
    """
    anyway = f" To override the freeze: {override}" if override else ""
    return Refusal(
        code=Code.RELEASES_FROZEN,
        step=f"{key}: {step}",
        observed=f"releases are frozen: {window}",
        rule=RULE,
        remedy=f"Nothing was changed. Wait until then. A rollback is never refused.{anyway}",
    )


def refuse_frozen_release(key: str, step: str, window: OpenWindow, again: str) -> Refusal:
    """Refuses the switch of a running release because a window has opened since it began.

    Args:
        key: key of the service.
        step: the switch, for example ``the switch to green v2.1.0``.
        window: the open window.
        again: the command that releases the version again.
    """
    return Refusal(
        code=Code.RELEASES_FROZEN,
        step=f"{key}: {step}",
        observed=f"releases are frozen by a window that has opened during the release: {window}",
        rule=RULE,
        remedy=(
            f'Nothing was switched. Wait until then. Then: {again}. To override the freeze: {again} --override "REASON"'
        ),
    )


def report_not_retired(key: str, window: OpenWindow) -> str:
    """Reports that a retirement waits for the end of a window.

    Args:
        key: key of the service.
        window: the open window.
    """
    return notice(
        Code.RETIREMENT_WAITS,
        key,
        f"is not retired: releases are frozen: {window}",
        "The old colour stays ready for a rollback, and is retired by the first run after the window.",
    )


def override_text(reason: str, window: OpenWindow) -> str:
    """The text that the record keeps of an override.

    Args:
        reason: the operator's reason.
        window: the window that was open.
    """
    return f"{reason} (in the freeze: {window})"
