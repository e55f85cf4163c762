"""A configuration with very many errors, or very long ones, is refused in a message that a person can read."""

import time
from typing import Any

import pytest

from switchyard.config.errors import SHOWN_PROBLEMS, SettingsError
from switchyard.config.loader import load
from tests.support.configuration import BACKEND, EXISTING

SECONDS = 10
"""Far more than it takes on a busy machine, and less than the 44 s that it took before."""


def refused(services: dict[str, Any]) -> SettingsError:
    started = time.process_time()
    with pytest.raises(SettingsError) as error:
        load(EXISTING, services, "test")
    assert time.process_time() - started < SECONDS
    return error.value


@pytest.mark.parametrize("key", ["adopt", "args", "command"])
@pytest.mark.parametrize("wrong", [{}, 1.5, None, "ü\n"])
def test_a_list_of_wrong_entries_is_cut_short(key: str, wrong: object) -> None:
    if key != "adopt" and isinstance(wrong, str):
        pytest.skip("is right there")
    error = refused({"backend": BACKEND | {key: [wrong] * 3000}})
    assert len(error.problems) == 3000
    lines = str(error).splitlines()
    assert lines[0] == "3000 errors in the configuration, nothing was changed:"
    assert lines[-1] == f"  ... and {3000 - SHOWN_PROBLEMS} more, which are shown when these are corrected."
    assert len(lines) == SHOWN_PROBLEMS + 2
    assert len(str(error)) < 20_000


def test_as_many_errors_as_are_shown_need_no_last_line() -> None:
    error = refused({"backend": BACKEND | {"args": [1.5] * SHOWN_PROBLEMS}})
    assert len(str(error).splitlines()) == SHOWN_PROBLEMS + 1


@pytest.mark.parametrize(
    "service",
    [
        BACKEND | {"x" * 100_000: 1},
        BACKEND | {"env": {"x" * 100_000: 1}},
        BACKEND | {"env": {"=" * 100_000: "a"}},
        BACKEND | {"labels": {"a" * 100_000: "b"}},
        BACKEND | {"active": "b" * 100_000},
        BACKEND | {"image": "b" * 100_000 + ":"},
        BACKEND | {"ports": {"é" * 100_000: {"containerPort": 1}}},
    ],
)
def test_a_very_long_key_or_value_is_cut_short(service: dict[str, Any]) -> None:
    assert len(str(refused({"backend": service}))) < 2000


@pytest.mark.parametrize("entry", [BACKEND, {}, {"remove": "true"}, {"remove": True}, {"remove": True, "namespace": 1}])
def test_a_very_long_name_is_cut_short(entry: dict[str, Any]) -> None:
    assert len(str(refused({"x" * 100_000: entry}))) < 2000
