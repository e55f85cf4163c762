"""Hooks as they are begun: HTTP calls to a server, Jobs on an API server that is played."""

import asyncio
import base64
import socket
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from switchyard.config.models.hooks import Hook
from switchyard.errors import AccessDeniedError, ApiStatusError, UnreachableError
from switchyard.manifests.hooks import KEPT, HookContext, hook_labels
from switchyard.release import hook_job
from switchyard.release.hook_calls import ClusterHookCalls
from switchyard.release.hook_record import HookOutcome
from switchyard.release.hooks import HookResult
from tests.support.hook_api import CONTEXT, NAME, PlayedApi
from tests.support.hook_server import HookServer, hook_server
from tests.support.observed import settings

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
CREATED = ("create", "jobs", "")


def status(kind: str, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "reason": reason, "message": message}]}


def run(api: PlayedApi, own: dict[str, Any], begun: datetime | None = None, **more: Any) -> HookResult:
    hook = Hook.model_validate({"name": "it", **own})
    context = HookContext(**{**vars(CONTEXT), **more})
    calls = ClusterHookCalls(api, settings(), lambda: NOW)  # type: ignore[arg-type]
    return asyncio.run(calls.run(hook, context, begun))


@pytest.fixture
def listening() -> Iterator[HookServer]:
    with hook_server() as played:
        yield played


def call(server: HookServer, **own: Any) -> dict[str, Any]:
    return {"http": {"url": server.url, **own}}


def test_a_call_says_what_is_released_and_has_a_key_that_stays_the_same(listening: HookServer) -> None:
    result = run(PlayedApi(), call(listening, headers={"X-Team": "payments"}))
    assert (result.outcome, result.quoted) == (HookOutcome.PASSED, None)
    [(method, headers, body)] = listening.calls
    assert (method, headers["idempotency-key"], headers["x-team"]) == ("POST", f"{CONTEXT.release}/it", "payments")
    assert body == {
        "version": 1,
        "service": "backend",
        "release": CONTEXT.release,
        "hook": "it",
        "point": "afterSwitch",
        "fromTag": "v1",
        "tag": "v2",
        "colour": "green",
    }
    run(PlayedApi(), call(listening, method="GET"))
    assert listening.calls[-1][::2] == ("GET", None)


@pytest.mark.parametrize(("answer", "outcome"), [(204, "passed"), (302, "failed"), (500, "failed"), (404, "failed")])
def test_a_status_that_is_not_expected_is_a_failure(listening: HookServer, answer: int, outcome: str) -> None:
    listening.status, listening.body = answer, "" if answer == 204 else "no\nsuch thing" + "x" * 5000
    result = run(PlayedApi(), call(listening))
    assert result.outcome == outcome
    assert len(listening.calls) == 1  # a redirection is not followed
    if outcome == "failed":
        assert f"answered {answer}, expected 200, 201, 202, 204" in str(result.detail)
        assert "no such thing" in str(result.quoted)
        assert len(str(result.quoted)) < 500
    assert "a-secret-path" not in f"{result.detail}{result.quoted}"


def test_no_answer_in_time_leaves_unknown_whether_it_ran(listening: HookServer) -> None:
    listening.silent = True
    result = run(PlayedApi(), {**call(listening), "timeoutSeconds": 1})
    assert (result.outcome, len(listening.calls)) == (HookOutcome.UNKNOWN, 1)
    assert "has not answered" in str(result.detail)


def test_an_address_where_nobody_listens_is_a_certain_failure() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        result = run(PlayedApi(), {"http": {"url": f"http://127.0.0.1:{free.getsockname()[1]}/hooks"}})
    assert result.outcome is HookOutcome.FAILED
    assert "cannot be reached" in str(result.detail)


@pytest.mark.parametrize("host", ["ci:abc", "[ci", "xn--\u00e4"])
def test_an_address_that_no_host_has_is_a_certain_failure(host: str) -> None:
    result = run(PlayedApi(), {"http": {"url": f"http://{host}/hooks/a-secret-path"}})
    assert result.outcome is HookOutcome.FAILED
    assert host in str(result.detail)
    assert "a-secret-path" not in str(result.detail)


def test_what_an_address_answers_cannot_change_the_terminal(listening: HookServer) -> None:
    listening.status, listening.body = 500, "no\x1b[2J such\x07 thing"
    assert run(PlayedApi(), call(listening)).quoted == "It answered: no [2J such thing"


def test_a_call_that_an_earlier_command_has_begun_is_not_sent_again(listening: HookServer) -> None:
    result = run(PlayedApi(), call(listening), NOW - timedelta(seconds=20))
    assert (result.outcome, listening.calls) == (HookOutcome.UNKNOWN, [])
    assert "the command ended before it had an answer" in str(result.detail)


AUTHORIZED = {"secretHeaders": {"Authorization": {"secret": "ci", "key": "token"}}}


def test_a_header_comes_from_a_secret(listening: HookServer) -> None:
    api = PlayedApi(secrets={"ci": {"token": base64.b64encode(b"Bearer hidden\n").decode()}})
    result = run(api, call(listening, **AUTHORIZED))
    assert listening.calls[0][1]["authorization"] == "Bearer hidden"
    assert "hidden" not in f"{result.detail}{result.quoted}"


@pytest.mark.parametrize("value", [" Bearer hidden", "Bearer hidden ", "\tBearer hidden \r\n"])
def test_blanks_around_the_value_of_a_secret_are_not_sent(listening: HookServer, value: str) -> None:
    api = PlayedApi(secrets={"ci": {"token": base64.b64encode(value.encode()).decode()}})
    result = run(api, call(listening, **AUTHORIZED))
    assert (result.outcome, listening.calls[0][1]["authorization"]) == (HookOutcome.PASSED, "Bearer hidden")


def test_a_header_that_http_does_not_permit_is_in_no_message(
    listening: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def spoilt(*_: Any) -> str:
        return "Bearer hidden "

    monkeypatch.setattr(ClusterHookCalls, "_secret", spoilt)
    result = run(PlayedApi(), call(listening, **AUTHORIZED))
    assert (result.outcome, listening.calls) == (HookOutcome.FAILED, [])
    assert "nothing was sent" in str(result.detail)
    assert "hidden" not in f"{result.detail}{result.quoted}"


@pytest.mark.parametrize(
    "secrets",
    [{}, {"ci": {}}, {"ci": {"token": ""}}, {"ci": {"token": base64.b64encode(b"hidden\r\nX: 1").decode()}}],
)
def test_without_its_secret_nothing_is_sent(listening: HookServer, secrets: dict[str, dict[str, str]]) -> None:
    result = run(PlayedApi(secrets=secrets), call(listening, **AUTHORIZED))
    assert (result.outcome, listening.calls) == (HookOutcome.FAILED, [])
    assert "key token of Secret ci in namespace default" in str(result.detail)
    assert "hidden" not in str(result.detail)


def test_a_missing_permission_on_the_secret_is_named(listening: HookServer) -> None:
    denied = AccessDeniedError("get", "secrets/ci in namespace default", 403, "forbidden")
    result = run(PlayedApi(errors={("get", "secrets"): [denied]}), call(listening, **AUTHORIZED))
    assert (result.outcome, listening.calls) == (HookOutcome.FAILED, [])
    assert "secrets/ci" in str(result.detail)


JOB: dict[str, Any] = {"job": {"command": ["migrate"]}}
COMPLETE, BACKOFF = status("Complete"), status("Failed", "BackoffLimitExceeded", "Job has reached the limit")


def pod(api: PlayedApi, state: dict[str, Any]) -> None:
    labels = hook_labels(CONTEXT, "it")
    api.pods.append(
        {"metadata": {"name": f"{NAME}-x", "labels": labels}, "status": {"containerStatuses": [{"state": state}]}}
    )


def test_a_job_is_created_and_followed_to_its_end() -> None:
    api = PlayedApi(statuses=[{"active": 1}, COMPLETE])
    result = run(api, JOB)
    assert (result.outcome, result.detail) == (HookOutcome.PASSED, f"Job {NAME} has succeeded")
    assert api.asked.count(CREATED) == 1
    assert api.jobs[NAME]["spec"]["template"]["spec"]["containers"][0]["command"] == ["migrate"]


def test_a_job_that_fails_quotes_the_end_of_its_log_and_not_into_the_record() -> None:
    api = PlayedApi(statuses=[BACKOFF], log="before\nhidden: no such table\x1b[31m\n")
    pod(api, {"terminated": {"exitCode": 3}})
    result = run(api, JOB)
    assert result.outcome is HookOutcome.FAILED
    assert "BackoffLimitExceeded: Job has reached the limit" in str(result.detail)
    assert "ended with exit code 3" in str(result.detail)
    assert f"kubectl -n default logs job/{NAME}" in str(result.detail)
    assert "hidden" not in str(result.detail)
    assert result.quoted == f"The end of the log of pod {NAME}-x:\n  before\n  hidden: no such table [31m"


def test_what_a_pod_waits_for_is_named_when_its_job_takes_too_long() -> None:
    api = PlayedApi(statuses=[status("Failed", "DeadlineExceeded", "too long")])
    pod(api, {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})
    result = run(api, JOB)
    assert "DeadlineExceeded" in str(result.detail)
    assert "waits: ImagePullBackOff: no such image" in str(result.detail)


@pytest.mark.parametrize(("ended", "outcome"), [(COMPLETE, HookOutcome.PASSED), (BACKOFF, HookOutcome.FAILED)])
def test_a_job_that_is_there_is_not_created_again_and_its_result_counts(
    ended: dict[str, Any], outcome: HookOutcome
) -> None:
    api = PlayedApi(statuses=[COMPLETE])
    run(api, JOB)
    api.jobs[NAME]["status"] = ended
    assert run(api, JOB, NOW - timedelta(seconds=20)).outcome is outcome
    assert api.asked.count(CREATED) == 1


def test_a_job_that_was_not_created_before_the_kill_is_created() -> None:
    api = PlayedApi(statuses=[COMPLETE])
    assert run(api, JOB, NOW - timedelta(seconds=20)).outcome is HookOutcome.PASSED
    assert api.asked.count(CREATED) == 1


def test_a_job_that_may_have_ended_and_been_deleted_is_not_created_again() -> None:
    api = PlayedApi()
    assert run(api, JOB, NOW - KEPT - timedelta(seconds=1)).outcome is HookOutcome.UNKNOWN
    assert CREATED not in api.asked


def test_a_creation_whose_answer_was_lost_counts_if_the_job_is_there() -> None:
    assert run(PlayedApi(statuses=[COMPLETE], lost=True), JOB).outcome is HookOutcome.PASSED
    unknown = PlayedApi(errors={("create", "jobs"): [UnreachableError("no answer")]})
    assert run(unknown, JOB).outcome is HookOutcome.UNKNOWN


@pytest.mark.parametrize(("begun", "outcome"), [(None, "failed"), (NOW - timedelta(seconds=20), "unknown")])
def test_a_job_that_nobody_asked_for_is_known_not_to_have_run(begun: datetime | None, outcome: str) -> None:
    api = PlayedApi(errors={("get", "jobs"): [UnreachableError("no answer")]})
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
    result = run(PlayedApi(errors={("create", "jobs"): [error]}), JOB)
    assert result.outcome is HookOutcome.FAILED
    assert "jobs in namespace default" in str(result.detail)


def test_a_job_of_somebody_else_does_not_count() -> None:
    api = PlayedApi(jobs={NAME: {"metadata": {"name": NAME, "labels": {}}, "status": COMPLETE}})
    result = run(api, JOB)
    assert result.outcome is HookOutcome.FAILED
    assert "is not of this release" in str(result.detail)


def test_a_job_without_a_version_needs_an_image() -> None:
    result = run(PlayedApi(), JOB, tag=None)
    assert (result.outcome, "name an image" in str(result.detail)) == (HookOutcome.FAILED, True)
    image = {"job": {"image": "org/migrate:v1"}}
    assert run(PlayedApi(statuses=[COMPLETE]), image, tag=None).outcome is HookOutcome.PASSED


def test_an_api_server_that_is_away_for_a_while_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_job, "AGAIN_SECONDS", 0)
    api = PlayedApi(statuses=[COMPLETE], errors={("list", "jobs"): [UnreachableError("away")] * 3})
    assert run(api, JOB).outcome is HookOutcome.PASSED


def test_a_job_that_nobody_ends_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_job, "LATE_SECONDS", -0.9)
    result = run(PlayedApi(), {**JOB, "timeoutSeconds": 1})
    assert result.outcome is HookOutcome.UNKNOWN
    assert f"kubectl -n default describe job {NAME}" in str(result.detail)


def test_a_job_that_is_deleted_leaves_unknown_what_it_did() -> None:
    api = PlayedApi(statuses=[{"active": 1}])
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
