"""A release reads the old colour's pods before its switch, so that its watch compares with their recent requests."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from switchyard.config.models.service import Colour, Track
from switchyard.errors import UnreachableError
from switchyard.kube.api import BoundedApi
from switchyard.kube.client import ClusterClient
from switchyard.kube.kubeconfig.resolve import resolve_content
from switchyard.kube.login import Login
from switchyard.release.deploy import old_readings
from switchyard.release.deploy import steps as deploy_steps
from switchyard.release.deploy.old_readings import OldReadings
from switchyard.release.deploy.steps import ClusterSteps
from switchyard.release.phases import Phase
from switchyard.release.release_context import ReleaseContext
from switchyard.release.watch.past import PAST_SECONDS
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Counts
from switchyard.release.watch.watch import Start, start_of
from tests.support.fake_release import release
from tests.support.observed import observed, settings
from tests.support.stored_objects import KUBECONFIG

PODS = "/api/v1/namespaces/default/pods"
RECORD = release(phase=Phase.WARM, tag="v2")


def pod(name: str) -> dict[str, Any]:
    colour, *_ = name.partition("-")
    return {
        "metadata": {"uid": f"uid-{name}", "name": name, "labels": {"app": "backend", "version": colour}},
        "spec": {"containers": [{"name": "app", "image": "org/backend"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }


@dataclass
class Served:
    """An API server with a pod of each colour.

    Attributes:
        blue: requests that the old colour has counted, and those that failed.
        status: status of the answer to a list of pods.
        lists: labels of the pods that were listed.
    """

    blue: tuple[int, int] = (0, 0)
    status: int = 200
    lists: list[str] = field(default_factory=list)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == PODS:
            wanted = request.url.params["labelSelector"]
            self.lists.append(wanted)
            items = [pod(f"{colour}-1") for colour in Colour if colour in wanted]
            return httpx.Response(self.status, json={"items": items, "message": "etcd is gone"})
        requests, failed = self.blue if "blue-1" in request.url.path else (0, 0)
        counted: Mapping[int, int] = {200: requests - failed, 500: failed}
        lines = [f'http_requests_total{{status="{status}"}} {number}\n' for status, number in counted.items()]
        return httpx.Response(200, text="".join(lines))

    async def api(self) -> BoundedApi:
        return BoundedApi(ClusterClient(Login(resolve_content(KUBECONFIG)), httpx.MockTransport(self.answer)))

    def place(self) -> ReleaseContext:
        async def observe() -> Any:
            return observed(Colour.BLUE)

        return ReleaseContext(self, None, None, "test", observe, print)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def real_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none_simulated(*_: object) -> frozenset[str]:
        return frozenset()

    monkeypatch.setattr(old_readings, "simulated_nodes", none_simulated)


def past_of(served: Served, readings: OldReadings) -> Counts:
    """The past with which a watch that begins now compares the new version."""
    start = asyncio.run(start_of(served, "backend", settings(), Track.GREEN, readings.earliest))  # type: ignore[arg-type]
    return start.past


def test_an_outage_before_the_release_is_not_in_the_past() -> None:
    served = Served((10_000, 500))
    readings = OldReadings(served.place())
    asyncio.run(readings.add(observed(Colour.BLUE), Colour.BLUE))
    served.blue = 10_400, 501
    assert past_of(served, readings) == Counts(400, 1)
    assert served.lists[0] == "app=backend,version=blue"


def test_a_command_that_has_read_nothing_knows_no_past() -> None:
    served = Served((10_000, 500))
    assert past_of(served, OldReadings(served.place())) == Counts()


def test_the_past_begins_with_the_first_reading_that_is_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(old_readings, "time", SimpleNamespace(monotonic=lambda: clock.now))
    served = Served()
    readings = OldReadings(served.place())

    def begins_with(moment: float) -> float | None:
        """Requests that the reading shows with which the past of a switch at this moment begins."""
        clock.now = moment
        reading = readings.earliest
        return None if reading is None else sum(reading.series["uid-blue-1"].values())

    for clock.now, served.blue in ((0.0, (100, 0)), (200.0, (200, 0))):
        asyncio.run(readings.add(observed(Colour.BLUE), Colour.BLUE))
    moments = (PAST_SECONDS, PAST_SECONDS + 1, PAST_SECONDS + 201)
    assert [begins_with(moment) for moment in moments] == [100, 200, None]


@pytest.mark.parametrize("fault", ["listing", "nodes"])
def test_a_reading_that_fails_ends_no_release(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*_: object) -> frozenset[str]:
        raise UnreachableError("no answer in 5 s")

    served = Served((10_000, 500), status=500 if fault == "listing" else 200)
    readings = OldReadings(served.place())
    with monkeypatch.context() as patched:
        if fault == "nodes":
            patched.setattr(old_readings, "simulated_nodes", unreachable)
        asyncio.run(readings.add(observed(Colour.BLUE), Colour.BLUE))
    assert readings.earliest is None
    served.status = 200
    asyncio.run(readings.add(observed(Colour.BLUE), Colour.BLUE))
    served.blue = 10_050, 500
    assert past_of(served, readings) == Counts(50)


@pytest.mark.parametrize("reason", ["no watch", "prometheus", "simulated"])
def test_nothing_is_read_where_it_would_not_be_used(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def simulated(*_: object) -> frozenset[str]:
        return frozenset({"worker-1"})

    if reason == "simulated":
        monkeypatch.setattr(old_readings, "simulated_nodes", simulated)
    watch = {"no watch": {"seconds": 0}, "prometheus": {"prometheus": "http://prometheus.monitoring:9090"}}
    served = Served()
    readings = OldReadings(served.place())
    asyncio.run(readings.add(observed(Colour.BLUE, release={"watch": watch.get(reason, {})}), Colour.BLUE))
    assert (readings.earliest, served.lists) == (None, [])


@pytest.mark.parametrize("continued", [False, True], ids=["warm", "resumed at prove"])
def test_a_release_hands_its_first_reading_to_its_watch(continued: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Reached(Exception):  # noqa: N818 - it is no error
        """The switch has begun its watch."""

    class Lane:
        async def pass_gates(self, *_: object, **__: object) -> None:
            served.blue = served.blue[0] + 100, served.blue[1]

    class FakeJournal:
        async def is_meant(self, _: object) -> bool:
            return True

        def now(self) -> None:
            raise AssertionError("nothing is judged yet")

    class FakeActs:
        async def warm(self, _: object) -> None:
            served.blue = served.blue[0] + 1000, served.blue[1]

    async def start(*arguments: Any) -> Start:
        earlier.append(arguments[-1])
        raise Reached

    async def undrained(*_: object) -> Any:
        return SimpleNamespace(problem=None)

    async def checked(*_: object) -> None:
        pass

    for name, fake in (("start_of", start), ("undrain", undrained), ("check_metrics", checked)):
        monkeypatch.setattr(deploy_steps, name, fake)
    monkeypatch.setattr(deploy_steps, "FastLane", lambda *_, **__: Lane())
    served, earlier = Served((10_000, 500)), list[Reading]()
    steps = ClusterSteps(served.place(), FakeJournal(), settings(), FakeActs())  # type: ignore[arg-type]

    async def released() -> None:
        if not continued:
            await steps.warm(RECORD)
        await steps.prove(RECORD)
        with pytest.raises(Reached):
            await steps.switch(RECORD)

    asyncio.run(released())
    assert past_of(served, SimpleNamespace(earliest=earlier[0])) == Counts(100 if continued else 1100)  # type: ignore[arg-type]
