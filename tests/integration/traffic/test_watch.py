"""The verdict about a version that real pods run and real requests reach."""

import asyncio
from collections.abc import Callable

import pytest

from devtools.benchmarks.load import Load
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.kube.access import ClusterAccess
from switchyard.release.watch.verdict import Outcome, Verdict
from switchyard.release.watch.watch import start_of, watch
from tests.integration.traffic.kind import KindCluster
from tests.support.kubectl import Kubectl

WATCH_SECONDS = 15
"""At 200 requests a second several times what a verdict takes."""

LATENCY = {"maxSeconds": 10, "ignoreBelowSeconds": 5}
"""Beyond what a busy machine adds to an answer: the versions differ in their failures alone."""


def settings(namespace: str) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(
        {
            "image": "ghcr.io/org/backend",
            "namespace": namespace,
            "active": "green",
            "blue": {"tag": "v1.0.0", "replicas": 3},
            "green": {"tag": "v2.0.0", "replicas": 3},
            "release": {"watch": {"seconds": WATCH_SECONDS, "latencyP95": LATENCY}},
        }
    )


@pytest.mark.parametrize(("failing", "outcome"), [("0.08", Outcome.BREACH), ("0", Outcome.PASS)])
def test_a_version_that_fails_is_condemned_and_a_good_one_passes(
    serving: Stack,
    kubectl: Kubectl,
    sandbox: Sandbox | KindCluster,
    load: Callable[[], Load],
    failing: str,
    outcome: Outcome,
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3, "env": {"FAILURE_RATE": failing}})
    assert serving.up().ok
    service, access = settings(kubectl.namespace), ClusterAccess(str(sandbox.kubeconfig))
    ticks: list[Verdict] = []

    async def switched_and_watched() -> Verdict:
        start = await start_of(access, "backend", service, Track.GREEN)
        patch = '{"spec": {"selector": {"version": "green"}}}'
        await asyncio.to_thread(kubectl.run, "patch", "service", "backend", "-p", patch)
        return await watch(access, "backend", service, ticks.append, start=start)

    with load() as running:
        verdict = asyncio.run(switched_and_watched())
    answered = [request for request in running.requests() if request.colour == "green"]
    failed = sum(request.failed for request in answered)
    print(verdict.sentence, f"{verdict.seconds:.1f} s; the clients saw {failed} of {len(answered)} fail")
    assert verdict.outcome is outcome, verdict.sentence
    assert (failed > 0) is (failing != "0"), "the version must do what the test is about"
    assert verdict.requests > 0
    assert not verdict.source
    if outcome is Outcome.BREACH:
        assert "requests (" in verdict.sentence
        assert verdict.seconds < WATCH_SECONDS
    else:
        assert len(ticks) > 1
