"""Runs commands of one service in random order, of which each may be killed or have a fault, and checks the state after
each."""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.faulty_api import FAULT, FAULTS
from tests.support.history import History, is_ready
from tests.support.killed_command import STACK, Ended, Request, run
from tests.support.killed_releases import PODS, Counts, KilledReleases
from tests.support.kubectl import Kubectl
from tests.support.lease_holders import expire_lease
from tests.support.simulated_engine import SimulatedEngine

ACTS = ("deploy", "deploy", "resume", "abort", "retire", "switch", "switch", "rollback", "rollback", "drill", "up")
"""Commands, repeated by their weight in the random choice."""

REQUESTS = 60
"""A fault has a number below this; most commands have fewer requests."""


@dataclass
class FaultyReleases:
    """Commands of one service in a namespace of its own.

    Args:
        kubectl: kubectl in an empty namespace.
        directory: an empty directory.
        chance: source of all random choices. holds: whether some releases are held after a phase.
    """

    kubectl: Kubectl
    directory: Path
    chance: random.Random
    holds: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)
    _versions: int = 2

    def run(self, commands: int) -> None:
        """Runs a number of commands, and then ends every release."""
        self.begin()
        with History(self.kubectl.kubeconfig, self.kubectl.namespace) as history:
            for _ in range(commands):
                self._command()
            self._settle()
        assert history.fewest_ready("backend") == PODS, self.log

    def begin(self) -> None:
        """Has blue serve the first version of a service whose releases bake for an hour."""
        KilledReleases(self.kubectl, self.directory, self.chance, Counts()).begin()
        file = self.directory / f"Pulumi.{STACK}.yaml"
        document = yaml.safe_load(file.read_text())
        document["config"]["switchyard:services"]["backend"]["release"]["bakeSeconds"] = 3600
        file.write_text(yaml.safe_dump(document))

    def _command(self) -> None:
        before, serving = self.record(), self.kubectl.serving()
        act = self._drawn(before["current"], serving)
        fault, kill = None, None
        match self.chance.choice(("none", "kill", "fault", "fault")):
            case "kill":
                kill = self.chance.randrange(25)
            case "fault":
                fault = (self.chance.choice(FAULTS), self.chance.randrange(REQUESTS))
                fault = (fault[0], fault[1] % 6) if fault[0] == "engine" else fault
        condemned = self.chance.random() < 0.15
        ended = self.command(act, kill, fault, condemned=condemned)
        self._expect(act, before, serving, ended)

    def _drawn(self, current: dict[str, Any] | None, serving: str) -> str:
        """A random command, which is more often one that is not refused."""
        if self.chance.random() < 0.3:
            return self.chance.choice(ACTS)
        if current is None or current["result"] != "running":
            return self.chance.choice(("deploy", "deploy", "switch", "rollback", "drill"))
        if current["kind"] == "deploy":
            return self.chance.choice(("switch", "rollback", "rollback", "resume", "abort", "retire"))
        return self.chance.choice(("switch", f"switch {serving}", "rollback", "resume", "retire", "abort"))

    def command(
        self,
        act: str,
        kill: int | str | None = None,
        fault: tuple[str, int | str] | None = None,
        *,
        condemned: bool = False,
    ) -> Ended:
        """Runs a command, and records it."""
        words = act.split()
        if act == "deploy":
            self._versions += 1
            words += ["backend", f"v{self._versions}.0.0"]
            if self.holds and self.chance.random() < 0.3:
                words += ["--hold-after", self.chance.choice(("warm", "prove", "switch", "watch"))]
        elif act != "up":
            words.insert(1, "backend")
        arguments = ("up",) if act == "up" else (*words, "--yes", "--json")
        ended = run(self.directory, Request(arguments, kill, condemned, fault))
        file = self.directory / FAULT
        hit = file.read_text() if fault is not None and file.exists() else ended.moment if ended.is_killed else ""
        file.unlink(missing_ok=True)
        self.counts[f"{words[0]} {'killed' if ended.is_killed else hit.split(' ')[0] or 'whole'} {ended.code}"] += 1
        self.log.append(
            f"{' '.join(arguments[:-2]) or act}{' condemned' if condemned else ''} [{hit}] -> {ended.code} "
            f"{(ended.errors or ended.output)[-300:]!r} | {self.described()}"
        )
        if ended.is_killed or ended.code:
            expire_lease(self.kubectl) if self._lease_exists() else None
        assert "Traceback" not in ended.errors, self.told
        assert ended.code in {0, 1, 2, -9}, self.told
        return ended

    def _lease_exists(self) -> bool:
        return bool(self.kubectl.run("get", "lease", "backend-release", "--ignore-not-found", "-o", "name"))

    def _expect(self, act: str, before: dict[str, Any], serving: str, ended: Ended) -> None:
        after, now = self.record(), self.kubectl.serving()
        running = [release for release in after["history"] if release["result"] == "running"]
        assert len(running) <= 1, self.told
        if running:
            assert after["current"]["result"] == "running", self.told
            assert after["current"]["kind"] in {"switch", "rollback"}, self.told
        if act.startswith(("switch", "rollback")):
            if ended.code and now == serving:
                self._expect_untouched(before, after, serving)
            if not ended.code:
                assert (
                    after["current"] is None
                    or after["current"]["kind"] == "deploy"
                    or (after["current"]["result"] != "running")
                ), self.told
                active = self._config()["active"]
                assert active == now, self.told
        if act == "up":
            assert now == serving or self._config()["active"] == now, self.told

    def _expect_untouched(self, before: dict[str, Any], after: dict[str, Any], serving: str) -> None:
        """A deploy that ran before a switch that has failed runs afterwards."""
        last = before["current"]
        if last is not None and last["kind"] != "deploy" and last["to"] == serving:
            return  # a killed switch has taken its place
        all_before = [release for release in (before["current"], *before["history"]) if release is not None]
        deploys = [release for release in all_before if (release["kind"], release["result"]) == ("deploy", "running")]
        by_id = {release["id"]: release for release in (*after["history"], after["current"]) if release is not None}
        for deploy in deploys:
            assert by_id[deploy["id"]] == deploy, self.told

    def _settle(self) -> None:
        """Runs the commands that `status` proposes until every release has ended."""
        for _ in range(8):
            current = self.record()["current"]
            if current is None or current["result"] != "running":
                break
            serving = self.kubectl.serving()
            if current["kind"] in {"switch", "rollback"}:
                self.command(f"switch {serving}")
            elif current["kind"] == "drill":
                self.command("drill")
            elif current["phase"] in {"bake", "retire"} and not current["held"]:
                self.command("retire")
            else:
                self.command("resume")
            assert self.kubectl.serving() in {"blue", "green"}
        else:
            raise AssertionError(f"the release does not end\n{self.told}")
        serving = self.kubectl.serving()
        if self._config()["active"] != serving:
            ended = self.command(f"switch {serving}")
            assert not ended.code, self.told
        assert self._config()["active"] == self.kubectl.serving() == serving, self.told
        ended = self.command("up")
        assert not ended.code, self.told
        assert self.kubectl.serving() == serving, self.told
        assert SimulatedEngine(self.directory, STACK).planned() == [], self.told
        assert sum(map(is_ready, self.kubectl.pods(serving))) == PODS, self.told

    def _config(self) -> dict[str, Any]:
        config = yaml.safe_load((self.directory / f"Pulumi.{STACK}.yaml").read_text())["config"]
        backend: dict[str, Any] = config["switchyard:services"]["backend"]
        return backend

    def record(self) -> dict[str, Any]:
        """The record of the releases."""
        listed = self.kubectl.run("get", "configmap", "backend-release", "--ignore-not-found", "-o", "json")
        data = json.loads(listed)["data"] if listed else {}
        return {
            "current": json.loads(data["current"]) if "current" in data else None,
            "history": json.loads(data.get("history", "[]")),
            "rolledBack": json.loads(data.get("rolledBack", "[]")),
        }

    def described(self) -> str:
        """The present state, for the log."""
        record = self.record()

        def short(release: dict[str, Any]) -> str:
            held = " held" if release["held"] else ""
            return f"{release['kind']} {release['to']} {release['tag']} {release['phase']} {release['result']}{held}"

        current = None if record["current"] is None else short(record["current"])
        marks = [f"{mark['colour']} {mark['tag']}" for mark in record["rolledBack"]]
        config = self._config()
        return (
            f"serves {self.kubectl.serving()}, active {config['active']}, {config['blue']} {config['green']}, "
            f"current {current}, history {list(map(short, record['history'][:3]))}, marks {marks}"
        )

    @property
    def told(self) -> str:
        """The commands so far, for the message of a failed test."""
        return "\n".join(self.log)
