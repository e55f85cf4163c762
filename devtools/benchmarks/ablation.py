"""The effect of each default for the termination of a pod: releases under load with one of them disabled at a time."""

from dataclasses import dataclass
from pathlib import Path

from devtools.benchmarks.load import Load, Request, wait_for_answer
from devtools.benchmarks.method import TAGS, ours
from devtools.benchmarks.peers import Pulumi, switch_ours
from devtools.benchmarks.traffic import failures_by_cause
from devtools.sandbox import Sandbox

RATE = 400
"""Requests a second, half of them over connections that are kept alive."""

QUICK = {"preStopSeconds": 8, "terminationGracePeriodSeconds": 30}
"""All defaults, with a preStop that is shorter than the load balancer's 30 s, of which there is none here."""


@dataclass(frozen=True)
class Ablation:
    """One set of settings.

    Attributes:
        disabled: the default that is disabled.
        drain: `drain` of the service.
        env: the application's environment: `DRAIN_SECONDS` is how long it answers after SIGTERM with
            `Connection: close`.
    """

    disabled: str
    drain: dict[str, int]
    env: dict[str, str]


ABLATIONS = (
    Ablation("nothing", QUICK, {}),
    Ablation("preStop", QUICK | {"preStopSeconds": 0}, {}),
    Ablation("the application's draining", QUICK, {"DRAIN_SECONDS": "0"}),
    Ablation("preStop and the application's draining", QUICK | {"preStopSeconds": 0}, {"DRAIN_SECONDS": "0"}),
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one set of settings: releases, requests over new and keep-alive connections, failures by cause."""

    releases: int
    new: int
    new_failed: dict[str, int]
    kept: int
    kept_failed: dict[str, int]


def run(sandbox: Sandbox, directory: Path, releases: int) -> dict[str, Outcome]:
    """Warms, switches and retires `releases` times with each set; returns the outcomes by disabled default."""
    return {
        ablation.disabled: _run(sandbox, directory, ablation, f"off-{number}", releases)
        for number, ablation in enumerate(ABLATIONS)
    }


def _run(sandbox: Sandbox, directory: Path, ablation: Ablation, namespace: str, releases: int) -> Outcome:
    stack = ours(sandbox, directory, namespace)
    stack.set("services.backend.drain", ablation.drain)
    stack.set("services.backend.env", ablation.env)
    stack.set("services.backend.green.replicas", 0)
    method = Pulumi(f"without {ablation.disabled}", sandbox, namespace, stack, switch_ours)
    addresses = [node.address for node in sandbox.real_nodes]
    for address in addresses:
        wait_for_answer(address, method.port())
    folder = directory / f"{namespace}-load"
    folder.mkdir()
    with Load(addresses, method.port(), RATE, folder) as load:
        for number in range(releases):
            new, old = ("green", "blue") if number % 2 == 0 else ("blue", "green")
            stack.set(f"services.backend.{new}", {"tag": TAGS[new], "replicas": 3})
            stack.set(f"services.backend.{old}.replicas", 0)
            stack.set("services.backend.active", new)
            stack.run("up", "--yes", "--skip-preview", check=True)
            method.kubectl("wait", "--for=delete", "pod", "-l", f"app=backend,version={old}", "--timeout=120s")
    stack.destroy()
    requests = load.requests()
    outcome = Outcome(
        releases,
        *_share([request for request in requests if not request.keep_alive]),
        *_share([request for request in requests if request.keep_alive]),
    )
    print(f"without {ablation.disabled}: {outcome}", flush=True)
    return outcome


def _share(requests: list[Request]) -> tuple[int, dict[str, int]]:
    return len(requests), failures_by_cause(requests)
