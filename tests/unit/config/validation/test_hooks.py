"""Hooks of a release: what is accepted, and what could not do what it says."""

from typing import Any

import pytest

from switchyard.config.models.hooks import HookPoint, Hooks, OnFailure
from tests.support.configuration import changed, error_lines, read

AT = "switchyard:services.backend.release.hooks"
SECRET = {"secret": "ci", "key": "token"}
CALL = {"url": "https://ci.example.org/hooks/purge"}


def backend(point: str = "beforeWarm", **hook: Any) -> dict[str, Any]:
    complete = {"name": "expand", **hook}
    if not {"job", "http"} & complete.keys():
        complete["job"] = {}
    return {"backend": changed("release.hooks", {point: [complete]})}


def hooks(services: dict[str, Any]) -> Hooks:
    return read(services).services["backend"].release.hooks


def test_a_service_has_no_hooks_unless_something_else_is_said() -> None:
    assert list(hooks({"backend": changed("nodePort", 30080)}).all()) == []


@pytest.mark.parametrize(
    ("point", "follows"),
    [
        ("beforeWarm", OnFailure.STOP),
        ("beforeSwitch", OnFailure.STOP),
        ("afterSwitch", OnFailure.ROLLBACK),
        ("beforeRetire", OnFailure.STOP),
        ("onRollback", OnFailure.CONTINUE),
    ],
)
def test_what_follows_a_failure_depends_on_the_point(point: str, follows: OnFailure) -> None:
    [(of, number, hook)] = hooks(backend(point)).all()
    assert (of, number, hook.after_failure(of)) == (HookPoint(point), 0, follows)
    assert (hook.timeout_seconds, hook.irreversible) == (300, False)


@pytest.mark.parametrize(
    ("point", "follows"),
    [
        ("beforeWarm", "continue"),
        ("afterSwitch", "stop"),
        ("afterSwitch", "continue"),
        ("beforeRetire", "continue"),
    ],
)
def test_what_follows_a_failure_can_be_said(point: str, follows: str) -> None:
    [(of, _, hook)] = hooks(backend(point, onFailure=follows)).all()
    assert hook.after_failure(of) == follows


@pytest.mark.parametrize(
    ("point", "follows", "rule", "instead"),
    [
        ("beforeWarm", "rollback", "nothing has been switched yet", "stop"),
        ("beforeSwitch", "rollback", "nothing has been switched yet", "stop"),
        ("beforeRetire", "rollback", "is not rolled back automatically", "stop"),
        ("onRollback", "rollback", "the old version serves again already", "continue"),
        ("onRollback", "stop", "no hook may stop a rollback", "continue"),
    ],
)
def test_what_could_not_follow_at_a_point_is_refused(point: str, follows: str, rule: str, instead: str) -> None:
    [line] = error_lines(backend(point, onFailure=follows))
    assert line.startswith(f"{AT}.{point}.0.onFailure: '{follows}': has no effect at {point}: ")
    assert rule in line
    assert f"pulumi config set --path '{AT}.{point}[0].onFailure' {instead}" in line


@pytest.mark.parametrize("point", [point for point in HookPoint if point is not HookPoint.BEFORE_RETIRE])
def test_only_a_hook_of_the_retirement_may_be_irreversible(point: HookPoint) -> None:
    [line] = error_lines(backend(point.value, irreversible=True))
    assert f"{AT}.{point}.0.irreversible: true: is only for beforeRetire" in line
    assert hooks(backend("beforeRetire", irreversible=True)).before_retire[0].irreversible


@pytest.mark.parametrize("both", [{"job": None}, {"job": {}, "http": CALL}])
def test_a_hook_is_a_job_or_a_call(both: dict[str, Any]) -> None:
    [line] = error_lines(backend(**both))
    assert "must have exactly one of job, http" in line


def test_a_name_is_that_of_one_hook() -> None:
    same = {"name": "expand", "job": {}}
    [line] = error_lines({"backend": changed("release.hooks", {"beforeWarm": [same], "onRollback": [same]})})
    assert f"{AT}.onRollback.0.name: 'expand': is the name of {AT}.beforeWarm.0" in line
    assert "expand-2" in line


@pytest.mark.parametrize(
    ("hook", "at", "rule"),
    [
        ({"name": "Expand"}, "name", "must be a DNS label"),
        ({"timeoutSeconds": 0}, "timeoutSeconds", ">= 1"),
        ({"http": CALL | {"url": "ftp://ci"}}, "http.url", "http or https address"),
        ({"http": CALL | {"expectStatus": []}}, "http.expectStatus", "at least 1"),
        ({"http": CALL | {"headers": {"idempotency-key": "1"}}}, "http.headers.idempotency-key", "set by this program"),
        ({"job": {"env": {"SWITCHYARD_TAG": "v9"}}}, "job.env.SWITCHYARD_TAG", "set by this program"),
        ({"job": {"mounts": [{"volume": "data", "path": "/data"}]}}, "job.mounts.0.volume", "is not a volume"),
    ],
)
def test_wrong_values_are_named_with_their_rule(hook: dict[str, Any], at: str, rule: str) -> None:
    [line] = error_lines(backend(**hook))
    assert line.startswith(f"{AT}.beforeWarm.0.{at}: ")
    assert rule in line


@pytest.mark.parametrize(
    ("hook", "at"),
    [
        (
            {"job": {"env": {"TOKEN": "open"}, "secretEnv": {"TOKEN": SECRET}}},
            "job.secretEnv.TOKEN",
        ),
        (
            {"http": CALL | {"headers": {"X-Key": "open"}, "secretHeaders": {"X-Key": SECRET}}},
            "http.secretHeaders.X-Key",
        ),
    ],
)
def test_a_secret_beside_a_plain_value_is_refused_and_not_shown(hook: dict[str, Any], at: str) -> None:
    [line] = error_lines(backend(**hook))
    assert line.startswith(f"{AT}.beforeWarm.0.{at}: (not shown): is in ")
    assert "'open'" not in line
