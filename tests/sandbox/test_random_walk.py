"""A random walk over changes of configuration and faults.

Whatever the order, a Service that has served keeps at least its wanted ready pods of exactly one colour behind it:
at every single write to the API server, from the first update to the last.
"""

import os
import uuid
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from sandbox import Sandbox
from sandbox.faults import CRASH_LOOP, NEVER_READY
from sandbox.stack import Result, Stack
from settings.service import Colour
from tests.sandbox.history import History
from tests.sandbox.kubectl import Kubectl

PARTS = 4
"""So many tests share the steps, because workers share the tests."""

STEPS = int(os.environ.get("SWITCHYARD_WALK_STEPS", "200")) // PARTS
"""Of one part."""

STEPS_OF_A_WALK = 25
"""After which a walk ends and another begins, on a stack of its own."""

WANTED = 3
"""Replicas of a colour that serves."""

KILL_AT = ["Updating", "Deployment backend-", "Service backend updating", "Service backend updated"]


class Walk(RuleBasedStateMachine):
    """One walk. `active` is the colour that the last good update left serving."""

    sandbox: Sandbox
    directory: Path
    taken: Counter[str]
    begun: int

    def __init__(self) -> None:
        super().__init__()
        self.active = Colour.BLUE
        self.idle_replicas = 0
        self.version = 1
        self.refresh = False
        Walk.begun += 1
        # The first walk is Hypothesis' simplest one: a single rule, again and again.
        self.over = Walk.begun == 1 or self.taken.total() >= STEPS
        if self.over:
            return
        self.kubectl = Kubectl(self.sandbox.kubeconfig, f"walk-{uuid.uuid4().hex[:8]}")
        self.kubectl.run("create", "namespace", self.kubectl.namespace)
        directory = self.directory / self.kubectl.namespace
        directory.mkdir()
        self.stack = Stack(
            directory,
            {
                "switchyard:cluster": {
                    "kind": "existing",
                    "kubeconfig": str(self.sandbox.kubeconfig),
                    "identifier": "walk",
                },
                "switchyard:services": {
                    "backend": {
                        "image": "ghcr.io/org/backend",
                        "namespace": self.kubectl.namespace,
                        "gate": {"timeoutSeconds": 10},
                        "active": "blue",
                        "blue": {"tag": "v1", "replicas": WANTED},
                        "green": {"tag": "v1", "replicas": 0},
                    }
                },
            },
        )
        self.converge()
        self.history = History(self.sandbox.kubeconfig, self.kubectl.namespace)
        self.history.__enter__()

    def teardown(self) -> None:
        if self.over:
            return
        self.history.__exit__()
        moments = self.history.moments("backend")
        assert moments
        assert min(moment.ready for moment in moments) >= WANTED
        self.kubectl.run("delete", "namespace", self.kubectl.namespace, "--wait=false")

    def settle(self, colour: Colour, tag: str, replicas: int) -> None:
        self.stack.set(f"services.backend.{colour}", {"tag": tag, "replicas": replicas})

    def next_tag(self, fault: str = "") -> str:
        self.version += 1
        return f"v{self.version}{fault}"

    def update(self) -> Result:
        return self.stack.up(*(["--refresh"] if self.refresh else []))

    def converge(self) -> None:
        """Updates, and checks that the cluster is as the configuration says."""
        result = self.update()
        assert result.ok, result.output
        self.refresh = False
        assert self.kubectl.serving() == self.active
        self.kubectl.expect_pods(**{self.active: WANTED, self.active.other: self.idle_replicas})

    def step(self, name: str, *, tidy: bool = True) -> bool:
        """Counts a step; False when there were enough.

        With `tidy`, what was changed by hand is put right first: a step that goes by what the stack has serving
        is refused, rightly, while somebody has another colour serving.
        """
        if self.over or self.taken.total() >= STEPS:
            return False
        self.taken[name] += 1
        if tidy and self.refresh:
            self.converge()
        return True

    @rule(replicas=st.integers(0, WANTED))
    def warm_or_retire_the_idle_colour(self, replicas: int) -> None:
        if self.step("warm" if replicas else "retire", tidy=False):
            self.idle_replicas = replicas
            self.settle(self.active.other, self.next_tag(), replicas)
            self.converge()

    @rule()
    def switch_to_a_warm_colour(self) -> None:
        if self.step("switch"):
            self.settle(self.active.other, f"v{self.version}", WANTED)
            self.active = self.active.other
            self.idle_replicas = WANTED
            self.stack.set("services.backend.active", self.active.value)
            self.converge()

    @rule()
    def release_in_one_update(self) -> None:
        if self.step("release"):
            self.release()
            self.converge()

    def release(self) -> None:
        """Configures a release whole: the idle colour warmed, switched to, the other one retired."""
        old, self.active = self.active, self.active.other
        self.settle(self.active, self.next_tag(), WANTED)
        self.stack.set("services.backend.active", self.active.value)
        self.stack.set(f"services.backend.{old}.replicas", 0)
        self.idle_replicas = 0

    @rule(fault=st.sampled_from([NEVER_READY, CRASH_LOOP]))
    def try_to_release_a_bad_version(self, fault: str) -> None:
        if not self.step("bad version"):
            return
        serving = self.active
        bad = self.next_tag(fault)
        self.stack.set("services.backend.readyTimeoutSeconds", 3)
        self.settle(serving.other, bad, WANTED)
        self.stack.set("services.backend.active", serving.other.value)
        result = self.update()
        assert not result.ok
        assert self.kubectl.serving() == serving
        images = {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in self.kubectl.pods(serving.other)}
        assert bad in images, "the bad version never ran"
        self.stack.set("services.backend.readyTimeoutSeconds", None)
        self.stack.set("services.backend.active", serving.value)
        self.idle_replicas = 0
        self.settle(serving.other, self.next_tag(), 0)
        self.refresh = False

    @rule()
    def try_to_change_the_pods_that_serve(self) -> None:
        if not self.step("in place"):
            return
        path = f"services.backend.{self.active}.env"
        self.stack.set(path, {"STEP": str(self.taken.total())})
        result = self.update()
        assert not result.ok
        assert "is refused" in result.output
        self.stack.set(path, None)

    @rule(line=st.sampled_from(KILL_AT), turn_back=st.booleans())
    def kill_the_engine_in_the_middle_of_a_release(self, line: str, turn_back: bool) -> None:
        if not self.step("kill"):
            return
        config, active, idle_replicas = self.stack.snapshot(), self.active, self.idle_replicas
        self.release()
        engine = self.stack.start("up", "--yes", "--skip-preview")
        assert engine.stdout is not None
        assert any(line in printed for printed in engine.stdout)
        self.stack.kill(engine)
        assert engine.returncode == -9
        assert self.stack.run("cancel", "--yes").ok
        if turn_back:
            self.stack.restore(config)
            self.active, self.idle_replicas = active, idle_replicas
        self.refresh = True
        self.converge()

    @rule()
    def scale_the_idle_colour_by_hand(self) -> None:
        if self.step("scale by hand", tidy=False):
            self.kubectl.run("scale", "deployment", f"backend-{self.kubectl_idle()}", "--replicas=1")
            self.refresh = True

    # No precondition: what is drawn must not depend on how the cluster got on.
    @rule()
    def patch_the_selector_by_hand(self) -> None:
        if self.idle_replicas == WANTED and not self.refresh and self.step("selector by hand", tidy=False):
            patch = f'{{"spec": {{"selector": {{"version": "{self.active.other}"}}}}}}'
            self.kubectl.run("patch", "service", "backend", "-p", patch)
            self.refresh = True

    def refused(self, text: str) -> None:
        """Updates without a preview, which must be refused with this text and leave nothing half done."""
        result = self.update()
        assert not result.ok, result.output
        assert text in result.output, result.output
        assert "Traceback" not in result.output

    @rule(path=st.sampled_from(["cluster.identifier", "services.backend.namespace"]))
    def try_to_move_there_and_back(self, path: str) -> None:
        if self.step("move"):
            config = self.stack.snapshot()
            self.stack.set(path, "default" if path.endswith("namespace") else "another")
            self.refused("Nothing was changed. Set it back")
            self.stack.restore(config)

    @rule()
    def name_the_context_and_take_it_back(self) -> None:
        if self.step("context"):
            context = self.kubectl.run("config", "current-context").strip()
            for value in (context, None):
                self.stack.set("cluster.context", value)
                self.converge()

    @rule(name=st.sampled_from(["renamed", None]))
    def try_to_rename_or_drop_the_service(self, name: str | None) -> None:
        if self.step("rename" if name else "removal"):
            config = self.stack.snapshot()
            service = self.stack.config["config"]["switchyard:services"]["backend"]
            self.stack.set("services.backend", None)
            if name is not None:
                self.stack.set(f"services.{name}", service)
            self.refused("is not in the configuration of namespace")
            self.stack.restore(config)
            assert self.kubectl.get("deployments", "-l", "app=renamed") == []

    @rule()
    def make_another_service_and_take_it_away(self) -> None:
        if self.step("remove"):
            service = {**self.stack.snapshot()["config"]["switchyard:services"]["backend"]}
            self.stack.set("services.second", service)
            self.converge()
            self.stack.set("services.second", {"remove": True, "namespace": self.kubectl.namespace})
            self.converge()
            self.stack.set("services.second", None)
            assert self.kubectl.get("deployments,services", "-l", "app=second") == []

    @rule(kind=st.sampled_from(["deployment", "poddisruptionbudget", "service", "users' service"]))
    def delete_by_hand(self, kind: str) -> None:
        if self.step("delete by hand"):
            name = "backend" if kind == "users' service" else f"backend-{self.active.other}"
            self.kubectl.run("delete", kind.removeprefix("users' "), name)
            self.refresh = True
            self.converge()

    @rule()
    def go_on_with_the_state_of_before(self) -> None:
        """Somebody imports the state of an hour ago: it knows nothing of a release since."""
        if self.step("old state"):
            state = self.stack.run("stack", "export", check=True).output
            self.release()
            self.converge()
            file = self.stack.directory / "old-state.json"
            file.write_text(state)
            self.stack.run("stack", "import", "--file", str(file), check=True)
            assert self.stack.planned(), "the old state knows of the release"
            self.converge()

    @rule(name=st.sampled_from(["other", "test"]))
    def try_to_share_the_service_with_another_stack(self, name: str) -> None:
        """Or with one of the same name in another backend."""
        if self.step("two stacks"):
            directory = self.stack.directory / f"other-{self.taken.total()}"
            directory.mkdir()
            other = Stack(directory, self.stack.snapshot()["config"], name=name)
            other.set("services.backend.active", self.active.other.value)
            other.set(f"services.backend.{self.active.other}", {"tag": "v0", "replicas": WANTED})
            result = other.up()
            assert not result.ok
            assert "belongs to stack switchyard/test" in result.output
            assert other.destroy().ok
            self.converge()

    def kubectl_idle(self) -> str:
        """The colour that serves nobody on the cluster, whatever the configuration says."""
        return Colour(self.kubectl.serving()).other.value


@pytest.mark.parametrize("part", range(PARTS))
def test_a_service_that_serves_is_never_short_of_ready_pods_of_one_colour(
    sandbox: Sandbox, tmp_path: Path, part: int
) -> None:
    Walk.sandbox, Walk.directory, Walk.taken, Walk.begun = sandbox, tmp_path, Counter(), 0
    run_state_machine_as_test(
        seed(int(os.environ["SWITCHYARD_WALK_SEED"]) + part)(Walk),
        settings=settings(
            # One that is left out, and some steps find nothing to do and do not count.
            max_examples=1 + 2 * -(-STEPS // STEPS_OF_A_WALK),
            stateful_step_count=STEPS_OF_A_WALK,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{Walk.taken.total()} steps: {dict(Walk.taken)}")
    assert Walk.taken.total() == STEPS
