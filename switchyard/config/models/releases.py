"""Settings for the releases of all services of a stack: freeze windows, and notifications."""

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
"""Key of the configuration under which the settings of this module are."""


def _one_line(text: str) -> str:
    if re.search(r"\S", text) is None or not text.isprintable():
        raise ValueError("must be one line of text | Example: holidays")
    return text


Line = Annotated[str, Checked(_one_line, "one line of text, not empty"), Field(max_length=200)]
"""Text for an operator, in one line."""


def _not_empty(entries: tuple[str, ...]) -> tuple[str, ...]:
    # Not by the type's own bound: that counts a wrong entry as missing, and reports a second error.
    if not entries:
        raise ValueError("must not be empty | Remove it for all of them.")
    return entries


NOT_EMPTY = Checked(_not_empty, "not empty")

ServiceKeys = Annotated[tuple[str, ...], NOT_EMPTY]
"""Keys under `switchyard:services`."""


class WeeklyWindow(Model):
    """A window in every week, in the local time of a time zone."""

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
    """A window in which releases are refused: either between two points in time, or in every week."""

    indivisible: ClassVar[bool] = True

    reason: Line = Field(
        description="Reason for the freeze, which a refused command prints.", examples=["Black Friday"]
    )
    by: Line = Field(
        description="Who decided on the freeze, which a refused command prints.", examples=["checkout team"]
    )
    start: Moment | None = Field(
        default=None,
        alias="from",
        description="When the window opens. It needs `until`, and excludes `weekly`.",
        examples=["2026-11-27T00:00:00Z"],
    )
    until: Moment | None = Field(
        default=None,
        description="When the window closes. It needs `from`, and excludes `weekly`.",
        examples=["2026-12-01T06:00:00Z"],
    )
    weekly: WeeklyWindow | None = Field(
        default=None,
        description="Window in every week, instead of `from` and `until`.",
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
    """An event of a release about which a notification is sent.

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
    """A webhook to which one message is sent for each event of a release."""

    indivisible: ClassVar[bool] = True

    name: DnsLabel = Field(description="Name of the notification, unique in the stack.", examples=["releases"])
    format: Literal["slack", "json"] = Field(
        description="Format of the messages: `slack` for an incoming webhook of Slack, or `json` for a JSON document."
    )
    secret: SecretKeyReference = Field(
        description="Key of a Secret whose value is the URL of the webhook. Each service's namespace needs the Secret.",
        examples=[{"name": "release-webhooks", "key": "slack"}],
    )
    events: Annotated[tuple[ReleaseEvent, ...], NOT_EMPTY] = Field(
        default=tuple(ReleaseEvent),
        description="Events about which messages are sent.",
        examples=[["verdict", "rollback"]],
    )
    services: ServiceKeys | None = Field(
        default=None,
        description="Keys of the services about whose releases messages are sent. Default: all services of the stack.",
        examples=[["backend"]],
    )


class Releases(Model):
    """Settings for the releases of all services of the stack."""

    freeze: tuple[Freeze, ...] = Field(
        default=(),
        description="Windows in which releases are refused. A rollback is never refused.",
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
        description="Webhooks that receive messages about releases. A webhook never delays or stops a release.",
        examples=[[{"name": "releases", "format": "slack", "secret": {"name": "release-webhooks", "key": "slack"}}]],
    )
