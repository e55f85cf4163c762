"""Kept connections follow a switch, on real nodes, with clients that never close one."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from devtools.benchmarks.kept_clients import Answer, KeptClients
from devtools.benchmarks.load import wait_for_answer
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.manifests.labels import selector
from switchyard.release.drain.drain import drain, undrain
from switchyard.release.drain.report import DrainReport
from tests.support.history import History
from tests.support.kubectl import Kubectl

CLIENTS = 20

FAULT_SECONDS = 2
"""How long it is watched that kept connections stay, which no event would show."""

ANSWERS = 4
"""Answers of each client from which it shows whether its connection is kept: the first may need a new one."""

VERSIONS = {"blue": "v1.0.0", "green": "v2.0.0"}


class Releases:
    """What a release does about traffic, without its gates and its record."""

    def __init__(self, sandbox: Sandbox, kubectl: Kubectl, **settings: Any) -> None:
        self._kubectl = kubectl
        self._addresses = [node.address for node in sandbox.real_nodes]
        self._port = kubectl.get("service", "backend")["spec"]["ports"][0]["nodePort"]
        self.service = BlueGreenSettings.model_validate(
            {
                "image": "ghcr.io/org/backend",
                "namespace": kubectl.namespace,
                "active": "blue",
                "blue": {"tag": "v1.0.0", "replicas": 3},
                "green": {"tag": "v2.0.0", "replicas": 3},
                "release": {"drain": settings},
            }
        )

    def clients(self, *, behind_proxy: bool) -> KeptClients:
        return KeptClients(self._addresses, self._port, CLIENTS, behind_proxy=behind_proxy)

    def run(self, act: Callable[[Cluster], Any]) -> Any:
        async def connected() -> Any:
            return await act(await Cluster.connect(ClusterAccess(str(self._kubectl.kubeconfig))))

        return asyncio.run(connected())

    def select(self, colour: str) -> None:
        """Patches the selector, and waits until every node sends new connections to the colour."""
        self.run(lambda cluster: cluster.select(self.service.namespace, "backend", selector("backend", Colour(colour))))
        for address in self._addresses:
            wait_for_answer(address, self._port, VERSIONS[colour])

    def drain(self, colour: str, *, rolled_back: bool = False) -> DrainReport:
        async def act(cluster: Cluster) -> DrainReport:
            return await drain(cluster, "backend", self.service, Colour(colour), rolled_back=rolled_back)

        report: DrainReport = self.run(act)
        return report

    def undrain(self, colour: str) -> DrainReport:
        report: DrainReport = self.run(lambda cluster: undrain(cluster, "backend", self.service, Colour(colour)))
        return report


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """The stack of a test, whose pods end as late as by default: a drain is what ends connections sooner."""
    stack.set("services.backend.drain", None)
    return stack


def uids(kubectl: Kubectl, colour: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in kubectl.pods(colour)}


def watched(groups: Sequence[KeptClients]) -> tuple[float, float]:
    """Lets the clients go on until each has been answered several times; returns when that began and ended."""
    since = time.time()
    time.sleep(FAULT_SECONDS)
    for clients in groups:
        clients.wait_for_each(since, ANSWERS)
    return since, time.time()


def between(answers: Sequence[Answer], since: float, until: float) -> list[Answer]:
    return [answer for answer in answers if since <= answer.sent < until]


def colours_between(answers: Sequence[Answer], since: float, until: float) -> set[str]:
    sent = between(answers, since, until)
    assert {answer.client for answer in sent} == set(range(CLIENTS)), "a client is missing"
    return {answer.colour for answer in sent}


def assert_old_stays(clients: KeptClients, old: str, since: float, until: float) -> None:
    """Asserts the fault that a drain is for: clients stay with the old colour although new connections do not."""
    answers = between(clients.answers(), since, until)
    assert len(answers) >= CLIENTS * ANSWERS
    stay = sum(answer.colour == old for answer in answers)
    # A proxy also opens new connections, when all of its own are in use.
    assert stay > 0 if clients.behind_proxy else stay == len(answers), (stay, len(answers))


def assert_none_failed(answers: Sequence[Answer]) -> None:
    failed = [answer for answer in answers if answer.failed]
    assert not failed, failed[:10]


def test_kept_connections_stay_without_a_drain_and_follow_with_one(
    warm: Stack, sandbox: Sandbox, kubectl: Kubectl
) -> None:
    releases = Releases(sandbox, kubectl, method="endpoint")
    before = {colour: uids(kubectl, colour) for colour in VERSIONS}
    moments = []
    with ExitStack() as running:
        groups = [running.enter_context(releases.clients(behind_proxy=proxy)) for proxy in (False, True)]
        # A switch, and a rollback.
        for new, old in (("green", "blue"), ("blue", "green")):
            assert releases.undrain(new).problem is None
            releases.select(new)
            fault = watched(groups)
            report = releases.drain(old)
            assert (report.problem, report.connections_left, report.pods) == (None, 0, 3), report
            moments.append((new, old, fault, watched(groups)))
    for clients in groups:
        answers = clients.answers()
        assert_none_failed(answers)
        for new, old, fault, after in moments:
            assert_old_stays(clients, old, *fault)
            assert colours_between(answers, *after) == {new}
        # Blue was drained and undrained, and keeps its connections again.
        later = [answer.kept for answer in between(answers, *moments[-1][-1])]
        assert later.count(True) > len(later) / 2, later
    assert {colour: uids(kubectl, colour) for colour in VERSIONS} == before, "a pod was replaced"
    kubectl.expect_pods(blue=3, green=3)


def test_a_renewal_moves_kept_connections_and_the_old_colour_stays_complete(
    stack: Stack, sandbox: Sandbox, kubectl: Kubectl
) -> None:
    stack.set("services.backend.drain", {"preStopSeconds": 2, "terminationGracePeriodSeconds": 20})
    stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    result = stack.up()
    assert result.ok, result.output
    releases = Releases(sandbox, kubectl)
    before, green = uids(kubectl, "blue"), uids(kubectl, "green")
    with History(kubectl.kubeconfig, kubectl.namespace) as history, ExitStack() as running:
        groups = [running.enter_context(releases.clients(behind_proxy=proxy)) for proxy in (False, True)]
        releases.select("green")
        fault = watched(groups)
        with ThreadPoolExecutor() as background:
            draining = background.submit(releases.drain, "blue")
            kubectl.expect_pods(blue=4)  # one is new
            # In the middle of it, each pod of blue is one of the version that a rollback goes to.
            named = {pod["metadata"]["name"] for pod in kubectl.pods("blue")}
            current = releases.run(lambda cluster: cluster.current_pods(kubectl.namespace, "backend", Track.BLUE))
            assert named & current == named
            report = draining.result()
        assert (report.problem, report.connections_left, report.failed) == (None, 0, ()), report
        after = watched(groups)
    for clients in groups:
        answers = clients.answers()
        assert_none_failed(answers)
        assert_old_stays(clients, "blue", *fault)
        assert colours_between(answers, *after) == {"green"}
    assert not uids(kubectl, "blue") & before
    assert uids(kubectl, "green") == green
    # The colour's own Service is older than its pods, so that the history begins before there were three.
    ready = [moment.ready for moment in history.moments("backend-blue")]
    assert min(ready[ready.index(3) :]) == 3
    # The engine sees no difference: the annotation belongs to no setting.
    releases.select("blue")
    kubectl.expect_ready(blue=3, green=3)
    result = stack.preview("--expect-no-changes", "--refresh")
    assert result.ok, result.output


def test_kept_connections_leave_a_version_that_was_rolled_back_before_its_prestop_ends(
    warm: Stack, sandbox: Sandbox, kubectl: Kubectl
) -> None:
    releases = Releases(sandbox, kubectl)
    assert releases.service.drain.pre_stop_seconds > FAULT_SECONDS + 14, "the bound of the drain is within preStop"
    releases.select("green")
    before, blue = uids(kubectl, "green"), uids(kubectl, "blue")
    with ExitStack() as running:
        groups = [running.enter_context(releases.clients(behind_proxy=proxy)) for proxy in (False, True)]
        releases.select("blue")
        fault = watched(groups)
        report = releases.drain("green", rolled_back=True)
        # The drain has its own bound, within which preStop would not have ended.
        assert (report.problem, report.connections_left, report.failed) == (None, 0, ()), report
        after = watched(groups)
    for clients in groups:
        answers = clients.answers()
        assert_none_failed(answers)
        assert_old_stays(clients, "green", *fault)
        assert colours_between(answers, *after) == {"blue"}
    kubectl.expect_ready(blue=3, green=3)
    assert uids(kubectl, "blue") == blue
    assert not uids(kubectl, "green") & before
    result = warm.preview("--expect-no-changes", "--refresh")
    assert result.ok, result.output
