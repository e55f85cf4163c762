"""What a switch or a rollback shows before it begins and at its end: success is claimed only where it was seen."""

import json
from dataclasses import replace

import pytest
import typer

from switchyard.cli.fast_lane_text import FastLaneReport, document, planned
from switchyard.cli.release_request import ReleaseRequest
from switchyard.config.models.service import Colour
from switchyard.release.engine.convergence import Convergence
from switchyard.release.engine.engine import Step
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.receipt.receipt import NodeAnswer, Receipt
from switchyard.release.switch.protocol import SwitchOutcome
from tests.support.observed import observed

PLAN = Plan(Act.SWITCH, observed(), Colour.GREEN)
RECEIPT = Receipt("2026-01-02T03:04:05Z", 0.41, 0.47, 3)
DONE = SwitchOutcome(RECEIPT, Convergence(config=True, state=True))
BEHIND = NodeAnswer("worker-2", follows=False, problem="its NodePort still answers with blue after 5.9 s")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_node_that_does_not_follow_is_named_and_success_is_not_claimed(
    capfd: pytest.CaptureFixture[str], as_json: bool
) -> None:
    receipt = replace(RECEIPT, nodes=(NodeAnswer("worker-1", follows=True, answered_after=0.9), BEHIND))
    report = FastLaneReport(ReleaseRequest("backend", rollback=False, yes=True, as_json=as_json), "test", "kubeconfig")
    report.served(PLAN, receipt)
    with pytest.raises(typer.Exit) as ending:
        report.end(PLAN, replace(DONE, receipt=receipt))
    assert ending.value.exit_code == 1
    printed = capfd.readouterr()
    if as_json:
        found = json.loads(printed.out)
        assert (found["exitCode"], found["receipt"]["followed"]) == (1, False)
        assert "(SY-P140)" in found["warnings"][0]
        return
    assert "green serves" not in printed.out
    assert "the Service selects green v2 (before: blue v1), but not every node follows" in printed.out
    assert "1 of 2 answered with the new version" in printed.out
    assert "worker-2: its NodePort still answers with blue" in printed.err


ANSWERED = NodeAnswer("worker-1", follows=True, answered_after=0.9)
HEALTHY = NodeAnswer("worker-1", follows=True)
UNKNOWN = NodeAnswer("worker-2", None, "its NodePort 30080 was not seen to answer; kube-proxy does not answer")
DENIED = NodeAnswer("all", None, "not seen: the kubeconfig's user may not get nodes")
NO_PORT = "when each NodePort first answered with the new version: Service backend has no NodePort"


@pytest.mark.parametrize(
    ("receipt", "says"),
    [
        (replace(RECEIPT, nodes=(ANSWERED, UNKNOWN)), "worker-2: its NodePort 30080 was not seen to answer"),
        (replace(RECEIPT, nodes=(UNKNOWN,)), "worker-2: its NodePort 30080 was not seen to answer"),
        (replace(RECEIPT, nodes_unread=True, unseen=("nodes: no answer in 5 s",)), "nodes: no answer in 5 s"),
        (replace(RECEIPT, endpoints_after=None, nodes=(DENIED,)), "endpoints were not seen to be those of green"),
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_what_should_have_been_seen_and_was_not_is_no_success(
    capfd: pytest.CaptureFixture[str], receipt: Receipt, says: str, *, as_json: bool
) -> None:
    report = FastLaneReport(ReleaseRequest("backend", rollback=True, yes=True, as_json=as_json), "test", "kubeconfig")
    report.served(PLAN, receipt)
    with pytest.raises(typer.Exit) as ending:
        report.end(PLAN, replace(DONE, receipt=receipt))
    assert ending.value.exit_code == 1
    printed = capfd.readouterr()
    if as_json:
        found = json.loads(printed.out)
        assert (found["exitCode"], found["receipt"]["followed"]) == (1, None)
        [warning] = found["warnings"]
    else:
        warning = printed.err
        assert (
            "the Service selects green v2 (before: blue v1), and whether every node follows is not kno" in printed.out
        )
        assert "green serves" not in printed.out
    assert "(SY-P155)" in warning
    assert says in warning
    assert "what reaches such a node may still get blue" in warning
    slices = "kubectl -n default get endpointslices -l kubernetes.io/service-name=backend"
    nodes = "kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy"
    assert (slices if receipt.endpoints_after is None else nodes) in warning


@pytest.mark.parametrize(
    ("receipt", "says", "checked"),
    [
        (RECEIPT, "of some nodes only the health of kube-proxy", True),
        (replace(RECEIPT, unseen=("nodes: no ready node",)), "nodes: no ready node", True),
        (replace(RECEIPT, nodes=(DENIED,)), "apply the roles of `switchyard rbac`", True),
        (replace(RECEIPT, nodes=(HEALTHY,), unseen=(NO_PORT,)), "Service backend has no NodePort", True),
        (replace(RECEIPT, nodes=(ANSWERED, replace(HEALTHY, node="worker-2"))), "only the health of kube-proxy", True),
        (replace(RECEIPT, nodes=(UNKNOWN,)), "worker-2: its NodePort 30080 was not seen to answer", False),
    ],
)
def test_what_nobody_can_see_on_a_cluster_is_explained_and_fails_no_rollback(
    capfd: pytest.CaptureFixture[str], receipt: Receipt, says: str, *, checked: bool
) -> None:
    plan = replace(PLAN, observation=observed(gate={"checkNodes": checked}))
    report = FastLaneReport(ReleaseRequest("backend", rollback=True, yes=True, as_json=True), "test", "kubeconfig")
    report.end(plan, replace(DONE, receipt=receipt))
    found = json.loads(capfd.readouterr().out)
    [warning] = found["warnings"]
    assert (found["exitCode"], found["receipt"]["followed"]) == (0, None)
    assert "(SY-P156)" in warning
    assert says in warning


def test_a_switch_that_every_node_was_seen_to_follow_has_no_warning(capfd: pytest.CaptureFixture[str]) -> None:
    receipt = replace(RECEIPT, nodes=(ANSWERED,))
    FastLaneReport(ReleaseRequest("backend", rollback=False, yes=True, as_json=True), "test", "k").end(
        PLAN, replace(DONE, receipt=receipt)
    )
    found = json.loads(capfd.readouterr().out)
    assert (found["exitCode"], found["warnings"], found["receipt"]["followed"]) == (0, [], True)


def test_the_operator_is_shown_from_and_to_with_tags_and_ready_pods() -> None:
    where, serves, after = planned(PLAN, "test", "kubeconfig k")
    assert "backend in namespace default of stack test (kubeconfig k)" in where
    assert "blue v1, 3 of 3 pods ready" in serves
    assert "green v2, 3 of 3 pods ready" in after


def test_a_retired_version_is_shown_with_what_warming_it_takes() -> None:
    retired = observed(Colour.GREEN, blue=ColourState(Colour.BLUE, "v1", 0, 0))
    text = "\n".join(planned(Plan(Act.ROLLBACK, retired, Colour.BLUE, warm_tag="v1"), "test", "k"))
    assert "warms v1 in blue with 3 pods, 300 s at most" in text
    assert "after this   blue v1" in text


@pytest.mark.parametrize("answer", [True, False])
def test_nothing_is_done_without_a_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, answer: bool
) -> None:
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer)
    report = FastLaneReport(ReleaseRequest("backend", rollback=False), "test", "k")
    assert report.confirmed(PLAN) is answer
    assert ("Nothing was changed. backend serves blue v1" in capsys.readouterr().out) is not answer


def test_the_document_has_the_names_that_scripts_rely_on() -> None:
    printed = document(PLAN, DONE, "test", None, [])
    assert (printed["version"], printed["command"], printed["service"], printed["namespace"]) == (
        1,
        "switch",
        "backend",
        "default",
    )
    assert (printed["from"], printed["to"]) == ({"colour": "blue", "tag": "v1"}, {"colour": "green", "tag": "v2"})
    assert (printed["serving"], printed["changed"], printed["config"], printed["state"]) == ("green", True, True, True)
    assert (printed["receipt"]["patchedAfter"], printed["receipt"]["readyEndpoints"]) == (0.41, 3)
    assert (printed["problem"], printed["waiting"], printed["exitCode"]) == (None, [], 0)


@pytest.mark.parametrize(
    ("convergence", "said"),
    [
        (Convergence(config=True, state=True), "configuration and state are updated: the next preview is empty"),
        (
            Convergence(config=True, state=True, waiting=(Step("urn::backend-blue", "update"),)),
            "other changes wait for `pulumi up`: backend-blue (update)",
        ),
        (
            Convergence(config=False, state=False, problem="no such host"),
            "switchyard switch backend green --stack test",
        ),
        (Convergence(config=True, state=False, problem="locked"), "pulumi up --stack test"),
    ],
)
def test_the_end_says_how_far_configuration_and_state_are(
    capsys: pytest.CaptureFixture[str], convergence: Convergence, said: str
) -> None:
    report = FastLaneReport(ReleaseRequest("backend", rollback=False, yes=True), "test", "k")
    report.served(PLAN, RECEIPT)
    report.end(PLAN, SwitchOutcome(RECEIPT, convergence))
    printed = capsys.readouterr()
    assert "backend: green serves v2 (before: blue v1)" in printed.out
    assert "accepted by the API server after 0.41 s" in printed.out
    assert "to go back: switchyard rollback backend" in printed.out
    assert said in printed.out + printed.err


@pytest.mark.parametrize("rollback", [True, False])
def test_what_only_updates_the_configuration_names_no_rollback(
    capsys: pytest.CaptureFixture[str], *, rollback: bool
) -> None:
    plan = replace(PLAN, act=Act.ROLLBACK if rollback else Act.SWITCH, patch=False)
    report = FastLaneReport(ReleaseRequest("backend", rollback=rollback, yes=True), "test", "k")
    report.end(plan, SwitchOutcome(RECEIPT, Convergence(config=True, state=True)))
    assert capsys.readouterr().out.splitlines()[-1] == "Next: switchyard status"
