"""Which debug lines of the SDK reach the engine."""

from types import SimpleNamespace

import pulumi
import pytest
from pulumi.runtime.proto import engine_pb2

from components import debug_lines
from components.debug_lines import drop_unseen_debug_lines, shows_debug_lines


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("up --yes --stack dev", False),
        ("preview --diff -s dev --cwd /srv", False),
        ("up --debug", True),
        ("up -yd", True),
        ("preview -v=9 --logtostderr", True),
        ("up --event-log events.json", True),
        ("", True),
    ],
)
def test_debug_lines_are_kept_where_the_engine_shows_them(command: str, *, asked: bool) -> None:
    assert shows_debug_lines(command.split(), {}) is asked


def test_a_variable_shows_debug_lines_as_the_option_does() -> None:
    assert shows_debug_lines(["up"], {"PULUMI_OPTION_DEBUG": "true"})


def test_only_debug_lines_are_omitted(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, str]] = []
    engine = SimpleNamespace(Log=lambda request: sent.append((request.severity, request.message)))
    monkeypatch.setattr("pulumi.runtime.settings.get_engine", lambda: engine)
    monkeypatch.setattr(debug_lines, "engine_arguments", lambda: ("up",))
    drop_unseen_debug_lines()
    for write in (pulumi.log.debug, pulumi.log.info, pulumi.log.warn, pulumi.log.error):
        write(write.__name__)
    assert sent == [(engine_pb2.INFO, "info"), (engine_pb2.WARNING, "warn"), (engine_pb2.ERROR, "error")]
