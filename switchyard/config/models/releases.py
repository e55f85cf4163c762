"""What holds for the releases of a whole stack: windows without releases, and messages about them."""

import re
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from switchyard.config.models.base import Model
from switchyard.config.types.moments import Moment, TimeZone, WeekTime, moment
from switchyard.config.types.rules import Checked
from switchyard.config.types.text import DnsLabel, Subdomain
from switchyard.config.types.values import SecretKey

RELEASES = "switchyard:releases"
"""Key of the configuration with what is in this module."""


def _one_line(text: str) -> str:
    if re.search(r"\S", text) is None or not text.isprintable():
        raise ValueError("must be one line of text | Example: holidays")
    return text


Line = Annotated[str, Checked(_one_line, "one line of text, not empty"), Field(max_length=200)]
"""Words for an operator, in one line."""


def _not_empty(entries: tuple[str, ...]) -> tuple[str, ...]:
    # Not by the type's own bound: that counts a wrong entry as missing, and reports a second error.
    if not entries:
        raise ValueError("must not be empty | Take it out for all of them.")
    return entries


NOT_EMPTY = Checked(_not_empty, "not empty")

ServiceKeys = Annotated[tuple[str, ...], NOT_EMPTY]
"""Keys under `switchyard:services`."""


class WeeklyWindow(Model):
    """A part of every week, by the clocks of a time zone."""

    indivisible: ClassVar[bool] = True

    start: WeekTime = Field(
        alias="from", description="Weekday and time of day when the window opens.", examples=["Fri 16:00"]
    )
    until: WeekTime = Field(description="Weekday and time of day when the window closes.", examples=["Mon 07:00"])
    timezone: TimeZone = Field(description="Name of a time zone of the IANA database.", examples=["Europe/Berlin"])

    @model_validator(mode="after")
    def _has_length(self) -> "WeeklyWindow":
        if self.start == self.until:
            raise ValueError("from and until must differ | Example: {from: Fri 16:00, until: Mon 07:00}")
        return self


class Freeze(Model):
    """A window in which releases are refused: one from a moment to another, or a part of every week."""

    indivisible: ClassVar[bool] = True

    reason: Line = Field(description="Why, which a refused command prints.", examples=["Black Friday"])
    by: Line = Field(description="Who has decided it, which a refused command prints.", examples=["checkout team"])
    start: Moment | None = Field(
        default=None,
        alias="from",
        description="When the window opens. With `until`, in place of `weekly`.",
        examples=["2026-11-27T00:00:00Z"],
    )
    until: Moment | None = Field(
        default=None,
        description="When the window closes. With `from`, in place of `weekly`.",
        examples=["2026-12-01T06:00:00Z"],
    )
    weekly: WeeklyWindow | None = Field(
        default=None,
        description="A part of every week, in place of `from` and `until`.",
        examples=[{"from": "Fri 16:00", "until": "Mon 07:00", "timezone": "Europe/Berlin"}],
    )
    services: ServiceKeys | None = Field(
        default=None,
        description="Keys of the services whose releases are refused. Default: all services of the stack.",
        examples=[["backend"]],
    )

    @model_validator(mode="after")
    def _is_one_window(self) -> "Freeze":
        dates = [self.start, self.until]
        if (self.weekly is None and None in dates) or (self.weekly is not None and dates != [None, None]):
            raise ValueError(
                "must have from and until, or weekly alone | Example: {from: '2026-11-27T00:00:00Z', until: "
                "'2026-12-01T06:00:00Z'}"
            )
        if self.start is not None and self.until is not None and moment(self.start) >= moment(self.until):
            raise ValueError(f"until ({self.until}) must be later than from ({self.start}) | Exchange them.")
        return self


class ReleaseEvent(StrEnum):
    """What a message is sent about.

    Attributes:
        START: a release has begun.
        VERDICT: the watch of the new version has ended.
        ROLLBACK: the old version serves again.
        RETIREMENT: the old colour's pods are deleted.
    """

    START = "start"
    VERDICT = "verdict"
    ROLLBACK = "rollback"
    RETIREMENT = "retirement"


class SecretKeyReference(Model):
    """A key of a Secret."""

    name: Subdomain = Field(description="Name of the Secret.", examples=["release-webhooks"])
    key: SecretKey = Field(description="Key in the Secret.", examples=["slack"])


class Notification(Model):
    """A webhook that is sent one message for each event of a release."""

    indivisible: ClassVar[bool] = True

    name: DnsLabel = Field(description="Name of the notification, unique in the stack.", examples=["releases"])
    format: Literal["slack", "json"] = Field(
        description="Form of the messages: `slack` for an incoming webhook of Slack, or `json` for a JSON document."
    )
    secret: SecretKeyReference = Field(
        description="Key of a Secret in the namespace of each service, whose value is the URL of the webhook.",
        examples=[{"name": "release-webhooks", "key": "slack"}],
    )
    events: Annotated[tuple[ReleaseEvent, ...], NOT_EMPTY] = Field(
        default=tuple(ReleaseEvent), description="Events that are sent.", examples=[["verdict", "rollback"]]
    )
    services: ServiceKeys | None = Field(
        default=None,
        description="Keys of the services whose releases are sent. Default: all services of the stack.",
        examples=[["backend"]],
    )


class Releases(Model):
    """What holds for the releases of all services of the stack."""

    freeze: tuple[Freeze, ...] = Field(
        default=(),
        description="Windows in which releases are refused. Rollbacks never are.",
        examples=[
            [
                {
                    "reason": "Black Friday",
                    "by": "checkout team",
                    "from": "2026-11-27T00:00:00Z",
                    "until": "2026-12-01T06:00:00Z",
                }
            ]
        ],
    )
    notifications: tuple[Notification, ...] = Field(
        default=(),
        description="Webhooks that get messages about releases. None of them delays or stops a release.",
        examples=[[{"name": "releases", "format": "slack", "secret": {"name": "release-webhooks", "key": "slack"}}]],
    )
