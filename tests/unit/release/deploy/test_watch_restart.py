"""An API server that does not answer at the beginning of a watch."""

import asyncio

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import UnreachableError
from switchyard.release import retries
from switchyard.release.deploy import steps as deploy_steps
from switchyard.release.phases import Event
from switchyard.release.plan import Observation
from switchyard.release.watch.verdict import Outcome, Verdict
from tests.support.observed import observed
from tests.unit.release.deploy.test_steps import RELEASE, StepsWithFakes


def test_a_watch_begins_once_the_api_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    async def observe(_: object) -> Observation:
        reads.append("read")
        if len(reads) < 3:
            raise UnreachableError("no answer")
        return observed(Colour.GREEN)

    async def watch(*_: object, **__: object) -> Verdict:
        return Verdict(Outcome.PASS, "As before.", seconds=300)

    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(deploy_steps, "watch", watch)
    steps = StepsWithFakes(monkeypatch).steps
    monkeypatch.setattr(steps, "_observed", observe)
    assert asyncio.run(steps.watch(RELEASE)).event is Event.PASSED
    assert len(reads) == 3
