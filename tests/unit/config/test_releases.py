"""What holds for the releases of a whole stack: what is accepted, and what could not mean what it says."""

from pathlib import Path
from typing import Any

import pytest

from switchyard.config.errors import SettingsError
from switchyard.config.loader import StackSettings, load
from switchyard.config.models.releases import ReleaseEvent, Releases
from switchyard.config.stack_file import read_stack_file
from tests.support.configuration import BACKEND, EXISTING

FREEZE = {
    "reason": "Black Friday",
    "by": "checkout team",
    "from": "2026-11-27T00:00:00Z",
    "until": "2026-12-01T06:00:00Z",
}
WEEKLY = {"from": "Fri 16:00", "until": "Mon 07:00", "timezone": "Europe/Berlin"}
WEEKEND = {"reason": "no releases at the weekend", "by": "platform", "weekly": WEEKLY}
SLACK = {"name": "releases", "format": "slack", "secret": {"name": "release-webhooks", "key": "slack"}}


def read(releases: object, **more: Any) -> StackSettings:
    return load(EXISTING, {"backend": BACKEND}, "test", raw_releases=releases, **more)


def lines(releases: object, **more: Any) -> list[str]:
    with pytest.raises(SettingsError) as error:
        read(releases, **more)
    return [str(problem).removeprefix("switchyard:releases") for problem in error.value.problems]


def test_without_the_key_nothing_holds() -> None:
    assert load(EXISTING, {"backend": BACKEND}, "test").releases == Releases()
    assert read({}).releases == Releases()


def test_windows_and_notifications_are_read() -> None:
    releases = read({"freeze": [FREEZE, WEEKEND | {"services": ["backend"]}], "notifications": [SLACK]}).releases
    dated, weekend = releases.freeze
    assert (dated.start, dated.until, dated.services) == (FREEZE["from"], FREEZE["until"], None)
    assert weekend.services == ("backend",)
    assert weekend.weekly is not None
    assert (weekend.weekly.start, weekend.weekly.until) == ("Fri 16:00", "Mon 07:00")
    [notification] = releases.notifications
    assert (notification.secret.name, notification.secret.key) == ("release-webhooks", "slack")
    assert notification.events == tuple(ReleaseEvent)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"reason": None}, "0.reason: missing: the key has no default."),
        ({"by": " "}, "0.by: ' ': must be one line of text."),
        ({"reason": "a\nb"}, "0.reason: 'a\\nb': must be one line of text."),
        ({"from": "2026-11-27"}, "0.from: '2026-11-27': must be a moment of RFC 3339 with its zone, in quotes."),
        ({"from": "2026-11-27T00:00:00"}, "0.from: '2026-11-27T00:00:00': must be a moment of RFC 3339 with its zone"),
        ({"until": "2026-02-30T00:00:00Z"}, "0.until: '2026-02-30T00:00:00Z': must be a moment of RFC 3339"),
        ({"until": "9999-12-31T23:59:59-05:00"}, "0.until: '9999-12-31T23:59:59-05:00': must be a moment of RFC 3339"),
        ({"until": "2026-11-27T00:00:00Z"}, "0: a mapping: until (2026-11-27T00:00:00Z) must be later than from"),
        ({"until": None}, "0: a mapping: must have from and until, or weekly alone."),
        ({"weekly": WEEKLY}, "0: a mapping: must have from and until, or weekly alone."),
        ({"services": []}, "0.services: a list: must not be empty. Remove it"),
        ({"services": ["backnd"]}, "0.services.0: 'backnd': the services of this stack are backend. Did you mean"),
        ({"services": ["other"]}, "0.services.0: 'other': the services of this stack are backend. Remove it:"),
        ({"form": "2026-11-27T00:00:00Z"}, "0.form: unknown key: only known keys are allowed. Did you mean from?"),
    ],
)
def test_a_window_that_says_nothing_clear_is_refused(changed: dict[str, Any], line: str) -> None:
    freeze = {key: value for key, value in (FREEZE | changed).items() if value is not None}
    [refused] = lines({"freeze": [freeze]})
    assert refused.startswith(f".freeze.{line}")


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"timezone": "Europe/Bielefeld"}, ".timezone: 'Europe/Bielefeld': must be a time zone of the IANA database."),
        ({"timezone": "Europe"}, ".timezone: 'Europe': must be a time zone of the IANA database."),
        ({"timezone": "../etc/passwd"}, ".timezone: '../etc/passwd': must be a time zone of the IANA database."),
        ({"from": "Friday 16:00"}, ".from: 'Friday 16:00': must be a weekday (Mon, Tue, Wed, Thu, Fri, Sat, Sun) and"),
        ({"from": "Fri 24:00"}, ".from: 'Fri 24:00': must be a weekday"),
        ({"until": "Fri 16:00"}, ": a mapping: from and until must differ."),
    ],
)
def test_a_weekly_window_that_is_none_is_refused(changed: dict[str, str], line: str) -> None:
    [refused] = lines({"freeze": [WEEKEND | {"weekly": WEEKLY | changed}]})
    assert refused.startswith(f".freeze.0.weekly{line}")


@pytest.mark.parametrize(
    ("notifications", "line"),
    [
        ([SLACK, SLACK], "1.name: 'releases': is the name of switchyard:releases.notifications.0"),
        ([SLACK | {"format": "teams"}], "0.format: 'teams': allowed: slack, json."),
        ([SLACK | {"events": []}], "0.events: a list: must not be empty. Remove it"),
        ([SLACK | {"events": ["end"]}], "0.events.0: 'end': allowed: start, verdict, rollback, retirement."),
        ([SLACK | {"services": ["other"]}], "0.services.0: 'other': the services of this stack are backend."),
        ([SLACK | {"url": "https://hooks.example.org/a"}], "0.url: unknown key: only known keys are allowed."),
    ],
)
def test_a_notification_that_cannot_be_sent_is_refused(notifications: list[Any], line: str) -> None:
    [refused] = lines({"notifications": notifications})
    assert refused.startswith(f".notifications.{line}")


def test_a_moment_without_quotes_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: switchyard\nruntime: python\n")
    text = "config:\n  switchyard:releases:\n    freeze:\n      - from: 2026-11-27T00:00:00Z\n"
    (tmp_path / "Pulumi.test.yaml").write_text(text)
    written = read_stack_file(tmp_path, "test", "switchyard")
    [refused] = lines({"freeze": [FREEZE | {"from": "2026-11-27 00:00:00 +0000 UTC"}]}, written=written)
    assert refused.startswith(".freeze.0.from: '2026-11-27 00:00:00 +0000 UTC', written 2026-11-27T00:00:00Z: must be")
    assert refused.endswith("pulumi config set --path 'switchyard:releases.freeze[0].from' 2026-11-27T00:00:00Z")


def test_an_encrypted_value_and_one_of_too_many_levels_are_refused() -> None:
    assert any("has a value set with --secret" in line for line in lines({}, secret_keys=["switchyard:releases"]))
    nested: list[Any] = []
    for _ in range(100):
        nested = [nested]
    [refused] = lines({"freeze": nested})
    assert "is nested in more than 60 levels" in refused


@pytest.mark.parametrize("releases", [["freeze"], "freeze", 1])
def test_what_is_no_mapping_is_refused(releases: object) -> None:
    [refused] = lines(releases)
    assert "must be a mapping of keys to values" in refused
