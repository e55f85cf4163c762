"""Hooks as they are begun: Jobs on a fake API server."""

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any

import pytest

from switchyard.errors import AccessDeniedError, ApiStatusError, ClusterError, UnreachableError
from switchyard.manifests.hooks import KEPT, hook_labels
from switchyard.release import retries
from switchyard.release.hooks import job as hook_job
from switchyard.release.record.hook import HookOutcome
from tests.support.hook_api import CONTEXT, NAME, NOW, FakeApi, run

CREATED = ("create", "jobs", "")


def status(kind: str, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "reason": reason, "message": message}]}


JOB: dict[str, Any] = {"job": {"command": ["migrate"]}}
COMPLETE, BACKOFF = status("Complete"), status("Failed", "BackoffLimitExceeded", "Job has reached the limit")


def pod(api: FakeApi, state: dict[str, Any]) -> None:
    labels = hook_labels(CONTEXT, "it")
    api.pods.append(
        {"metadata": {"name": f"{NAME}-x", "labels": labels}, "status": {"containerStatuses": [{"state": state}]}}
    )


def test_a_job_is_created_and_followed_to_its_end() -> None:
    api = FakeApi(statuses=[{"active": 1}, COMPLETE])
    result = run(api, JOB)
    assert (result.outcome, result.detail) == (HookOutcome.PASSED, f"Job {NAME} has succeeded")
    assert api.asked.count(CREATED) == 1
    assert api.jobs[NAME]["spec"]["template"]["spec"]["containers"][0]["command"] == ["migrate"]


def test_a_job_that_fails_quotes_the_end_of_its_log_and_not_into_the_record() -> None:
    api = FakeApi(statuses=[BACKOFF], log="before\nhidden: no such table\x1b[31m\n")
    pod(api, {"terminated": {"exitCode": 3}})
    result = run(api, JOB)
    assert result.outcome is HookOutcome.FAILED
    assert "BackoffLimitExceeded: Job has reached the limit" in str(result.detail)
    assert "ended with exit code 3" in str(result.detail)
    assert f"kubectl -n default logs job/{NAME}" in str(result.detail)
    assert "hidden" not in str(result.detail)
    assert result.quoted == f"The end of the log of pod {NAME}-x:\n  before\n  hidden: no such table [31m"


def test_what_a_pod_waits_for_is_named_when_its_job_takes_too_long() -> None:
    api = FakeApi(statuses=[status("Failed", "DeadlineExceeded", "too long")])
    pod(api, {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})
    result = run(api, JOB)
    assert "DeadlineExceeded" in str(result.detail)
    assert "waits: ImagePullBackOff: no such image" in str(result.detail)


@pytest.mark.parametrize(("ended", "outcome"), [(COMPLETE, HookOutcome.PASSED), (BACKOFF, HookOutcome.FAILED)])
def test_a_job_that_is_there_is_not_created_again_and_its_result_counts(
    ended: dict[str, Any], outcome: HookOutcome
) -> None:
    api = FakeApi(statuses=[COMPLETE])
    run(api, JOB)
    api.jobs[NAME]["status"] = ended
    assert run(api, JOB, NOW - timedelta(seconds=20)).outcome is outcome
    assert api.asked.count(CREATED) == 1


def test_a_job_that_was_not_created_before_the_kill_is_created() -> None:
    api = FakeApi(statuses=[COMPLETE])
    assert run(api, JOB, NOW - timedelta(seconds=20)).outcome is HookOutcome.PASSED
    assert api.asked.count(CREATED) == 1


def test_a_job_that_may_have_ended_and_been_deleted_is_not_created_again() -> None:
    api = FakeApi()
    assert run(api, JOB, NOW - KEPT - timedelta(seconds=1)).outcome is HookOutcome.UNKNOWN
    assert CREATED not in api.asked


AWAY = [
    UnreachableError("no answer"),
    ApiStatusError("create", "jobs in namespace default", 500, "etcdserver: request timed out: no answer"),
    ApiStatusError("create", "jobs in namespace default", 429, "too many requests: no answer"),
]


@pytest.mark.parametrize("error", AWAY)
@pytest.mark.parametrize("verb", ["get", "create"])
def test_a_restart_of_the_api_server_fails_no_hook(
    monkeypatch: pytest.MonkeyPatch, verb: str, error: ClusterError
) -> None:
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0.01)
    api = FakeApi(statuses=[COMPLETE], errors={(verb, "jobs"): [error]})
    assert run(api, JOB).outcome is HookOutcome.PASSED
    assert api.errors[verb, "jobs"] == []
    assert len(api.jobs) == 1


@pytest.mark.parametrize("error", AWAY)
def test_a_creation_whose_answer_was_lost_counts_if_the_job_is_there(
    monkeypatch: pytest.MonkeyPatch, error: ClusterError
) -> None:
    monkeypatch.setattr(retries, "SECONDS", 0)
    api = FakeApi(statuses=[COMPLETE], lost=error)
    assert run(api, JOB).outcome is HookOutcome.PASSED
    assert api.asked.count(CREATED) == 1
    unknown = run(FakeApi(errors={("create", "jobs"): [error]}), JOB)
    assert unknown.outcome is HookOutcome.UNKNOWN
    assert f"whether Job {NAME} was created is not known" in str(unknown.detail)


def test_a_job_that_may_run_and_cannot_be_read_is_not_said_to_have_failed() -> None:
    denied = AccessDeniedError("get", "jobs in namespace default", 403, "forbidden")
    api = FakeApi(errors={("get", "jobs"): [denied]})
    assert run(api, JOB, NOW - timedelta(seconds=20)).outcome is HookOutcome.UNKNOWN
    assert CREATED not in api.asked


@pytest.mark.parametrize(("begun", "outcome"), [(None, "failed"), (NOW - timedelta(seconds=20), "unknown")])
def test_a_job_that_nobody_asked_for_is_known_not_to_have_run(
    monkeypatch: pytest.MonkeyPatch, begun: datetime | None, outcome: str
) -> None:
    monkeypatch.setattr(retries, "SECONDS", 0)
    api = FakeApi(errors={("get", "jobs"): [UnreachableError("no answer")]})
    result = run(api, JOB, begun)
    assert (result.outcome, CREATED in api.asked) == (outcome, False)
    assert "no answer" in str(result.detail)


@pytest.mark.parametrize(
    "error",
    [
        AccessDeniedError("create", "jobs in namespace default", 403, "forbidden"),
        ApiStatusError("create", "jobs in namespace default", 422, "invalid"),
    ],
)
def test_a_job_that_is_not_permitted_or_not_valid_has_failed(error: Exception) -> None:
    result = run(FakeApi(errors={("create", "jobs"): [error]}), JOB)
    assert result.outcome is HookOutcome.FAILED
    assert "jobs in namespace default" in str(result.detail)


def test_a_job_of_somebody_else_does_not_count() -> None:
    api = FakeApi(jobs={NAME: {"metadata": {"name": NAME, "labels": {}}, "status": COMPLETE}})
    result = run(api, JOB)
    assert result.outcome is HookOutcome.FAILED
    assert "is not of this release" in str(result.detail)


def test_a_job_without_a_version_needs_an_image() -> None:
    result = run(FakeApi(), JOB, tag=None)
    assert (result.outcome, "name an image" in str(result.detail)) == (HookOutcome.FAILED, True)
    image = {"job": {"image": "org/migrate:v1"}}
    assert run(FakeApi(statuses=[COMPLETE]), image, tag=None).outcome is HookOutcome.PASSED


def test_an_api_server_that_is_away_for_a_while_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_job, "AGAIN_SECONDS", 0)
    api = FakeApi(statuses=[COMPLETE], errors={("list", "jobs"): [UnreachableError("away")] * 3})
    assert run(api, JOB).outcome is HookOutcome.PASSED


def test_a_job_that_ends_behind_a_watch_that_says_nothing_is_seen_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_job, "SILENT_SECONDS", 0.01)
    monkeypatch.setattr(hook_job, "LATE_SECONDS", 1)
    api = FakeApi()
    watch = api.watch

    async def silent(resource: str, *more: object) -> AsyncGenerator[dict[str, Any], None]:
        if resource == "jobs":
            api.jobs[NAME] = api.jobs[NAME] | {"status": COMPLETE}  # which no event says
        async for event in watch(resource, *more):
            yield event

    monkeypatch.setattr(api, "watch", silent)
    assert run(api, {**JOB, "timeoutSeconds": 1}).outcome is HookOutcome.PASSED


def test_a_job_that_nobody_ends_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_job, "LATE_SECONDS", -0.9)
    result = run(FakeApi(), {**JOB, "timeoutSeconds": 1})
    assert result.outcome is HookOutcome.UNKNOWN
    assert f"kubectl -n default describe job {NAME}" in str(result.detail)


def test_a_job_that_is_deleted_leaves_unknown_what_it_did() -> None:
    api = FakeApi(statuses=[{"active": 1}])
    watch = api.watch

    async def deleted(resource: str, *more: object) -> AsyncGenerator[dict[str, Any], None]:
        if resource == "jobs":
            yield {"type": "DELETED", "object": api.jobs.pop(NAME)}
            return
        async for event in watch(resource, *more):
            yield event

    api.watch = deleted  # type: ignore[method-assign]
    result = run(api, JOB)
    assert (result.outcome, "was deleted" in str(result.detail)) == (HookOutcome.UNKNOWN, True)
