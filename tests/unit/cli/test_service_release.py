"""One service in a run of a command of a release."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import pytest

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.service_release import ServiceRelease, aborter
from switchyard.config.loader import load
from switchyard.errors import GateRefusedError
from switchyard.kube.access import ClusterAccess
from switchyard.release.deploy.protocol import Ended
from switchyard.release.phases import BOTH, Event, Phase, State
from switchyard.release.plan import Act
from switchyard.release.record.lease_holder import Holder
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from tests.support.configuration import BACKEND, EXISTING
from tests.support.release_records import record


def test_a_release_continues_under_the_key_that_the_configuration_has_now() -> None:
    settings = load(EXISTING, {"shop": {**BACKEND, "name": "backend"}}, "test")
    service = ServiceRelease(DeployRequest(Act.RESUME, "shop"), "test", settings, ClusterAccess())
    assert str(service.name) == "backend"
    assert service.continued(RecordedReleases(record(service="backend"))).service == "shop"


@pytest.mark.parametrize(("override", "event"), [(None, Event.REFUSED), ("a fix", Event.PASSED)])
def test_the_freeze_is_checked_again_before_the_switch(override: str | None, event: Event) -> None:
    frozen = {"reason": "holidays", "by": "ada", "from": "2020-01-01T00:00:00Z", "until": "2090-01-01T00:00:00Z"}
    settings = load(EXISTING, {"backend": BACKEND}, "test", raw_releases={"freeze": [frozen]})
    service = ServiceRelease(DeployRequest(Act.DEPLOY, "backend", "v2"), "test", settings, ClusterAccess())

    class Api:
        """An API server with a clock."""

        async def date(self) -> datetime:
            return datetime(2030, 1, 1, tzinfo=UTC)

    async def step(_: ReleaseRecord) -> Ended:
        return Ended(Event.PASSED)

    async def settled(call: Awaitable[Ended]) -> Ended:
        try:
            return await call
        except GateRefusedError as error:
            return Ended(Event.REFUSED, str(error))

    cluster: Any = type("Cluster", (), {"api": Api()})()
    hooks, state = service.runner(cluster, service.journal(cluster))._hooks, State(Phase.SWITCH, full=BOTH)
    steps: Any = None
    _, ended = asyncio.run(hooks.around(steps, state, record(override=override), step, settled))
    assert (ended.event, "(SY-P100)" in str(ended.detail)) == (event, event is Event.REFUSED)


@pytest.mark.parametrize(("reason", "ending"), [("500s on /pay", ": 500s on /pay"), (None, "")])
def test_the_record_of_an_abort_has_who_and_the_reason(reason: str | None, ending: str) -> None:
    holder = Holder("")
    assert aborter(DeployRequest(Act.ABORT, "backend", reason=reason)) == f"{holder.user} on {holder.host}{ending}"
