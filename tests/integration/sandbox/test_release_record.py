"""The record and the Lease of releases on a real API server: one command at a time, and no robot undoes a rollback."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from switchyard.kube.access import ClusterAccess
from switchyard.kube.api import BoundedApi
from switchyard.kube.clock import ServerClock
from switchyard.kube.rolled_back import RolledBack
from switchyard.manifests.labels import MANAGED
from switchyard.release.leased_journal import LeasedJournal
from switchyard.release.phases import Result
from switchyard.release.record.lease import ReleaseLease
from switchyard.release.record.lease_holder import Holder
from switchyard.release.record.store import RecordedReleases, ReleaseStore
from switchyard.release_errors import ForeignRecordError, LeaseHeldError
from tests.support.commands import document, run_command, with_a_fault
from tests.support.hook_server import hook_server
from tests.support.killed_api_server import KilledApiServer
from tests.support.kubectl import Kubectl
from tests.support.lease_holders import holding_lease
from tests.support.release_records import START, record

pytestmark = pytest.mark.shared_stack

Answer = TypeVar("Answer")

RACES = 100

WITHOUT_ENGINE = """
import asyncio, os
import switchyard.cli.fast_lane as command
from switchyard.release.engine.convergence import Convergence
async def converged(*_, **__):
    while not os.path.exists(os.environ["BACK"]):
        await asyncio.sleep(0.05)
    return Convergence(config=False, state=False, problem="not now")
command.converge = converged
"""
"""Configuration and state are left as they are; what follows the switch lasts until the API server is back."""


def on_cluster(kubectl: Kubectl, act: Callable[[BoundedApi], Awaitable[Answer]]) -> Answer:
    async def connected() -> Answer:
        return await act(await ClusterAccess(str(kubectl.kubeconfig)).api())

    return asyncio.run(connected())


async def lease_of(api: BoundedApi, kubectl: Kubectl, act: str, user: str) -> ReleaseLease:
    return ReleaseLease(api, kubectl.namespace, "backend", Holder(act, user=user), await ServerClock.ask(api))


def test_of_two_operators_exactly_one_gets_the_lease_every_time(kubectl: Kubectl) -> None:
    async def attempt(lease: ReleaseLease, decided: asyncio.Barrier) -> str | None:
        try:
            async with lease.held():
                await decided.wait()
                return None
        except LeaseHeldError as error:
            await decided.wait()
            return str(error)

    async def race(api: BoundedApi) -> list[list[str | None]]:
        leases = [await lease_of(api, kubectl, "deploy", user) for user in ("ada", "grace")]
        rounds = []
        for _ in range(RACES):
            decided = asyncio.Barrier(2)
            rounds.append(await asyncio.gather(*(attempt(lease, decided) for lease in leases)))
        return rounds

    rounds = on_cluster(kubectl, race)
    assert [len([refusal for refusal in outcome if refusal is None]) for outcome in rounds] == [1] * RACES
    refusals = [refusal for outcome in rounds for refusal in outcome if refusal is not None]
    assert all("another release is in progress: " in refusal and " runs deploy" in refusal for refusal in refusals)


def test_a_holder_that_was_killed_is_distinguished_from_one_that_lives(kubectl: Kubectl) -> None:

    async def refused(api: BoundedApi) -> str:
        with pytest.raises(LeaseHeldError) as error:
            async with (await lease_of(api, kubectl, "rollback", "ada")).held():
                pass
        return str(error.value)

    with holding_lease(kubectl) as holder:
        held = kubectl.get("lease", "backend-release")["spec"]
        assert f"(process {holder.pid}) runs deploy, in phase warm, for " in on_cluster(kubectl, refused)
        holder.send_signal(signal.SIGKILL)

    async def waits(api: BoundedApi) -> None:
        async with LeasedJournal(api, kubectl.namespace, "backend", print).holding(Holder("rollback", user="ada")):
            pass

    on_cluster(kubectl, waits)
    released = kubectl.get("lease", "backend-release")["spec"]
    assert released["holderIdentity"] == ""
    assert released["leaseTransitions"] == held["leaseTransitions"] + 1


def test_a_lease_that_somebody_deletes_is_created_again_by_its_holder(kubectl: Kubectl) -> None:
    async def renewed_after_a_deletion(api: BoundedApi) -> dict[str, Any]:
        lease = await lease_of(api, kubectl, "deploy", "ada")
        async with lease.held():
            kubectl.run("delete", "lease", "backend-release")
            await lease.confirm()
            live: dict[str, Any] = kubectl.get("lease", "backend-release")
            with pytest.raises(LeaseHeldError):
                async with (await lease_of(api, kubectl, "deploy", "grace")).held():
                    pass
        return live

    live = on_cluster(kubectl, renewed_after_a_deletion)
    assert live["spec"]["holderIdentity"].startswith("ada@")
    assert live["metadata"]["labels"].items() >= MANAGED.items()


def test_the_record_survives_and_an_object_of_somebody_else_is_left_alone(kubectl: Kubectl) -> None:
    async def write(api: BoundedApi) -> RecordedReleases:
        store = ReleaseStore(api, kubectl.namespace, "backend")
        await store.update(lambda releases: releases.writing(record(1)))
        await store.update(lambda releases: releases.writing(record(1).ending(Result.SUCCEEDED, START)))
        await store.update(lambda releases: releases.writing(record(2)))
        return await ReleaseStore(api, kubectl.namespace, "backend").read()

    releases = on_cluster(kubectl, write)
    assert (releases.current, releases.history) == (record(2), (record(1).ending(Result.SUCCEEDED, START),))

    kubectl.run("create", "configmap", "other-release", "--from-literal=current=mine")

    async def refused(api: BoundedApi) -> None:
        with pytest.raises(ForeignRecordError, match="other-release"):
            await ReleaseStore(api, kubectl.namespace, "other").update(lambda releases: releases.writing(record(1)))

    on_cluster(kubectl, refused)
    assert kubectl.get("configmap", "other-release")["data"] == {"current": "mine"}


def test_a_version_that_was_rolled_back_is_not_brought_back_by_the_configuration_of_before(
    serving: Stack, kubectl: Kubectl
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.up().ok
    version = RolledBack("green", "v2.0.0", "20300131-1", "2030-01-31T12:00:00Z", "ada", "500s on /pay")

    async def roll_back(api: BoundedApi) -> None:
        store = ReleaseStore(api, kubectl.namespace, "backend")
        await store.update(lambda releases: releases.rolling_back(version))

    on_cluster(kubectl, roll_back)
    serving.set("services.backend.active", "green")
    for result in (serving.preview(), serving.up()):
        assert not result.ok
        assert "the switch to green is refused (SY-P005): v2.0.0 in green was rolled back" in result.output
        assert "by ada (release 20300131-1): 500s on /pay" in result.output
        assert "Traceback" not in result.output
    assert kubectl.serving() == "blue"

    async def permit(api: BoundedApi) -> RecordedReleases:
        store = ReleaseStore(api, kubectl.namespace, "backend")
        return await store.update(lambda releases: releases.permitting("v2.0.0"))

    # What `switchyard switch backend green` writes: the same configuration goes through.
    assert on_cluster(kubectl, permit).rolled_back == ()
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.serving() == "green"
    serving.set("services.backend.active", "blue")
    assert serving.up().ok
    on_cluster(kubectl, roll_back)

    # Another version in the same colour is not the one that was rolled back.
    serving.set("services.backend.active", "blue")
    serving.set("services.backend.green.tag", "v2.0.1")
    assert serving.up().ok
    serving.set("services.backend.active", "green")
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.serving() == "green"


def test_an_api_server_that_restarts_loses_no_message_sends_none_twice_and_blocks_no_rollback(
    serving: Stack, kubectl: Kubectl, sandbox: Sandbox, tmp_path: Path
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.1", "replicas": 3})
    serving.set("services.backend.active", "green")
    if kubectl.serving() != "green":  # as the test before leaves it
        assert serving.up().ok
    subscribed = {"name": "ops", "format": "json", "secret": {"name": "webhooks", "key": "ops"}}
    serving.set("releases", {"notifications": [subscribed]})
    code, arguments = with_a_fault(WITHOUT_ENGINE), ("backend", "--yes", "--json")

    async def deploying(api: BoundedApi) -> None:
        store = ReleaseStore(api, kubectl.namespace, "backend")
        await store.update(lambda releases: releases.writing(record(2)))

    on_cluster(kubectl, deploying)
    with hook_server() as server:
        kubectl.run("create", "secret", "generic", "webhooks", f"--from-literal=ops={server.url}")
        server.status = 503
        switched = run_command(serving, "switch", *arguments, code=code, BACK="/")
        assert document(switched, 0)["serving"] == kubectl.serving() == "blue"
        assert "notification ops has not received the message about the start of a release" in switched.stderr
        # The switch has taken the deploy back, whose version served.
        assert [message["event"] for message in waiting(kubectl)] == ["start", "rollback"]

        served: list[str] = []
        api = KilledApiServer(sandbox, tmp_path / "back")

        def kill() -> None:
            if api.killed is None:
                served.append(kubectl.serving())
            api.kill()

        server.status, server.before_answer = 200, kill
        server.calls.clear()
        rolled_back = run_command(serving, "rollback", *arguments, code=code, BACK=str(api.back))
        api.wait()
        assert document(rolled_back, 0)["serving"] == kubectl.serving() == "green"
    assert served == ["green"], "the selector waits for no message"
    assert api.killed is not None
    assert sandbox.processes()["kube-apiserver"] != api.killed.pid
    events = [(headers["idempotency-key"], body["event"]) for _, headers, body in server.calls]
    assert [event for _, event in events] == ["start", "rollback", "rollback"]
    assert len(dict(events)) == len(events)
    assert waiting(kubectl) == []


def waiting(kubectl: Kubectl) -> list[dict[str, Any]]:
    """The messages that are still to be sent."""
    data = kubectl.get("configmap", "backend-release")["data"]
    messages: list[dict[str, Any]] = json.loads(data.get("outbox", "{}")).get("messages", [])
    return messages
