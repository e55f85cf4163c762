"""Errors of a configuration, as far as a command needs its services."""

import pytest

from switchyard.config.errors import SettingsError
from switchyard.config.loader import load
from tests.support.configuration import BACKEND, EXISTING

WRONG = {**BACKEND, "active": "purple"}


def test_a_service_that_is_not_needed_is_left_out_with_its_errors() -> None:
    for key in ("payments", "backend-2", "shop/backend"):
        settings = load(EXISTING, {"backend": BACKEND, "other": BACKEND, key: WRONG}, "test", needed=["backend"])
        assert list(settings.services) == ["backend", "other"]
        assert "'purple'" in [problem.value for problem in settings.ignored]
        assert all(key in problem.path for problem in settings.ignored)


def test_a_clash_with_a_service_that_is_needed_leaves_the_other_out() -> None:
    services = {"backend": {**BACKEND, "nodePort": 30080}, "other": {**BACKEND, "nodePort": 30080}}
    settings = load(EXISTING, services, "test", needed=["backend"])
    assert list(settings.services) == ["backend"]
    assert [problem.path for problem in settings.ignored] == ["switchyard:services.other.nodePort"]


@pytest.mark.parametrize(
    ("cluster", "services", "needed"),
    [
        (EXISTING, {"backend": WRONG}, ["backend"]),
        (EXISTING, {"backend": WRONG, "payments": WRONG}, []),
        (EXISTING, {"backend": BACKEND, "payments": WRONG}, None),
        ({**EXISTING, "context": 1}, {"backend": BACKEND, "payments": WRONG}, ["backend"]),
        (EXISTING, "backend", ["backend"]),
    ],
)
def test_all_errors_are_reported_if_one_of_them_is_needed(
    cluster: object, services: object, needed: list[str] | None
) -> None:
    with pytest.raises(SettingsError) as error:
        load(cluster, services, "test", needed=needed)
    if isinstance(services, dict) and "payments" in services:
        assert "services.payments.active" in str(error.value)
