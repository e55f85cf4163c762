"""Configurations with errors in the hooks of a release."""

from typing import Any

from tests.support.wrong_services import service

CALL = {"url": "https://ci.example.org/hooks/purge"}
SECRET = {"secret": "ci", "key": "token"}


def hooks(point: str = "beforeWarm", /, **hook: Any) -> dict[str, Any]:
    """A service with one hook, which is a Job unless something else is said."""
    kind: dict[str, Any] = {} if {"job", "http"} & hook.keys() else {"job": {}}
    return service(release={"hooks": {point: [{"name": "expand", **kind, **hook}]}})


def job(**own: Any) -> dict[str, Any]:
    return hooks(job=own)


def call(**own: Any) -> dict[str, Any]:
    return hooks(http={**CALL, **own})


TWICE = {"name": "expand", "job": {}}

WRONG: dict[str, dict[str, Any]] = {
    "a rollback before the switch": hooks(onFailure="rollback"),
    "a rollback instead of a switch": hooks("beforeSwitch", onFailure="rollback"),
    "a rollback instead of a retirement": hooks("beforeRetire", onFailure="rollback"),
    "a rollback of a rollback": hooks("onRollback", onFailure="rollback"),
    "a rollback that a hook stops": hooks("onRollback", onFailure="stop"),
    "an irreversible hook before the switch": hooks(irreversible=True),
    "a hook that is nothing": service(release={"hooks": {"beforeWarm": [{"name": "expand"}]}}),
    "a hook that is both": hooks(job={}, http=CALL),
    "two hooks of one name": service(release={"hooks": {"beforeWarm": [TWICE], "afterSwitch": [dict(TWICE)]}}),
    "a hook with a variable of the release": job(env={"SWITCHYARD_TAG": "hunter2"}),
    "a hook with a secret variable of the release": job(secretEnv={"SWITCHYARD_TAG": SECRET}),
    "a hook with a variable that is open and secret": job(env={"TOKEN": "hunter2"}, secretEnv={"TOKEN": SECRET}),
    "a hook with references": job(env={"A": "$(B)", "B": "$(A)"}, args=["$(SWITCHYARD_TAG)", "$(HOST)"]),
    "a hook with an unknown volume": job(mounts=[{"volume": "data", "path": "/data"}]),
    "a hook with a header that is open and secret": call(headers={"X-Key": "hunter2"}, secretHeaders={"X-Key": SECRET}),
    "a hook with a header of the program": call(headers={"idempotency-key": "hunter2"}),
    "a hook with no status that is expected": call(expectStatus=[]),
    "a hook with a wrong address": call(url="ci.example.org"),
}
