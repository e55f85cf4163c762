"""Releases of one service by commands that are killed at random writes, followed by commands of an operator."""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.history import History, is_ready
from tests.support.killed_command import STACK, Ended, Request, run
from tests.support.kubectl import Kubectl
from tests.support.lease_holders import expire_lease
from tests.support.simulated_engine import SimulatedEngine

PODS = 2

ACTS = ("resume", "abort", "up")
"""Next commands of an operator. `up` is a plain `pulumi up`, after which the release is resumed or aborted."""

KILLED_ACTS = 8
"""Maximum number of killed commands of one release. The next command is not killed, and resumes."""

SHARES = {"deploy": 1, "resume": 3, "abort": 4, "up": 10}
"""By command, which part of the moments of a whole release it may be killed in: it has about as many."""

CONDEMNED = 0.25
"""Share of the releases whose version the watch finds bad."""


@dataclass
class Counts:
    """How often commands were killed.

    Attributes:
        phases: number of kills by the phase in the record, if the release runs.
        commands: number of kills by command.
        writes: number of kills by `before` or `after`, and by what was written.
        results: number of releases by their result.
    """

    phases: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        """Adds the counts of another service."""
        for name, counter in vars(self).items():
            counter.update(vars(other)[name])

    def __str__(self) -> str:
        counters = {name: dict(counter.most_common()) for name, counter in vars(self).items()}
        return ", ".join(f"{name} {counts}" for name, counts in counters.items())


@dataclass
class KilledReleases:
    """Releases of one service, in a namespace of its own, until as many commands as wanted were killed.

    Args:
        kubectl: kubectl in an empty namespace.
        directory: an empty directory.
        chance: draws everything that is random.
        counts: where the kills are counted.
    """

    kubectl: Kubectl
    directory: Path
    chance: random.Random
    counts: Counts
    _kills: int = 0
    _versions: int = 2

    def run(self, kills: int) -> None:
        """Releases until so many commands were killed."""
        self.begin()
        with History(self.kubectl.kubeconfig, self.kubectl.namespace) as history:
            whole = self.command("deploy")
            assert whole.code == 0, whole
            while self._kills < kills:
                self._release(whole.moments)
        assert history.fewest_ready("backend") == PODS
        assert len(history.colours("backend")) > 1, "no release has switched"

    def begin(self) -> None:
        """Has blue serve the first version."""
        cluster = {"kind": "existing", "kubeconfig": str(self.kubectl.kubeconfig), "identifier": "test"}
        service = {
            "image": "ghcr.io/org/backend",
            "namespace": self.kubectl.namespace,
            "nodeSelector": {},
            "active": "blue",
            "blue": {"tag": "v1.0.0", "replicas": PODS},
            "green": {"tag": "v1.0.0", "replicas": 0},
            "release": {"watch": {"seconds": 0}, "drain": {"method": "none"}, "bakeSeconds": 0},
        }
        project = {"name": "switchyard", "runtime": "python", "description": "simulated"}
        config = {"switchyard:cluster": cluster, "switchyard:services": {"backend": service}}
        (self.directory / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        (self.directory / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": config}))
        first = run(self.directory, Request(("up",)))
        assert first.code == 0, first

    def command(self, act: str, kill: int | str | None = None, *, condemned: bool = False) -> Ended:
        """Runs a command on the present version."""
        arguments = {
            "up": ("up",),
            "deploy": ("deploy", "backend", self._tag, "--yes", "--json"),
        }.get(act, (act, "backend", "--yes", "--json"))
        ended = run(self.directory, Request(arguments, kill, condemned))
        assert "Traceback" not in ended.errors, (act, ended)
        return ended

    def _release(self, moments: int) -> None:
        """Releases one version to its end.

        Args:
            moments: number of moments of a whole release.
        """
        self._versions += 1
        condemned, act = self.chance.random() < CONDEMNED, "deploy"
        log = []
        for attempt in range(2 * KILLED_ACTS):
            may_kill = attempt < KILLED_ACTS
            kill = self.chance.randrange(moments // SHARES[act]) if may_kill else None
            serving = self.kubectl.serving()
            ended = self.command(act, kill, condemned=condemned)
            log.append((act, ended))
            release = self.current()
            assert act != "up" or self.kubectl.serving() == serving, "a plain update has switched"
            if ended.is_killed:
                self._was_killed(act, ended, release)
            if release is not None and release["result"] != "running":
                self.counts.results[release["result"]] += 1
                self.expect_end(release, log)
                return
            act = "deploy" if release is None else self.chance.choice(ACTS) if may_kill else "resume"
        raise AssertionError(f"the release of {self._tag} does not end: {log}")

    def _was_killed(self, act: str, ended: Ended, release: dict[str, Any] | None) -> None:
        self._kills += 1
        self.counts.commands[act] += 1
        self.counts.writes[ended.moment] += 1
        expire_lease(self.kubectl)
        if release is None:
            self.counts.phases["before the release"] += 1
            return
        self.counts.phases[release["phase"] if release["result"] == "running" else "after the release"] += 1
        status = run(self.directory, Request(("status",)))
        lines = [line for line in status.output.splitlines() if line.startswith("backend: deploy ")]
        assert len(lines) == 1, (status, release)
        if release["result"] == "running":
            assert f"runs, in phase {release['phase']}" in lines[0], status
            assert "Next: switchyard" in lines[0], status

    def expect_end(self, release: dict[str, Any], log: object = None) -> None:
        """Asserts that the colour of the release's result serves with all pods, and nothing else has changed."""
        serving = release["to" if release["result"] == "succeeded" else "from"]
        idle = release["from" if release["result"] == "succeeded" else "to"]
        assert self.kubectl.serving() == serving, (release, log)
        config = yaml.safe_load((self.directory / f"Pulumi.{STACK}.yaml").read_text())["config"]
        assert config["switchyard:services"]["backend"]["active"] == serving, (release, log)
        assert SimulatedEngine(self.directory, STACK).planned() == [], (release, log)
        assert sum(map(is_ready, self.kubectl.pods(serving))) == PODS, (release, log)
        if release["result"] == "succeeded":
            self.kubectl.expect_pods(**{idle: 0})

    def current(self) -> dict[str, Any] | None:
        """The present version's release in the record; None if it was not begun."""
        record = self.kubectl.get("configmap", "backend-release")["data"]
        release: dict[str, Any] = json.loads(record["current"])
        return release if release["tag"] == self._tag else None

    @property
    def _tag(self) -> str:
        return f"v{self._versions}.0.0"
