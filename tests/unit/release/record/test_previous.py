"""Where a rollback goes: by the record of the last release, and never forward by pressing it twice."""

from dataclasses import replace

import pytest

from switchyard.codes import Code
from switchyard.config.models.service import Colour
from switchyard.gates.rules.refusal import Refusal
from switchyard.release.plan import ColourState
from switchyard.release.record.previous import Previous, previous
from tests.support.fake_lane import Release
from tests.support.observed import observed
from tests.support.weighted_service import weighted

ON_GREEN = observed(Colour.GREEN)
ON_BLUE = observed(Colour.BLUE)
ROLLBACK = Release("rollback", "green", "blue", "v2")


def refused(answer: Previous | Refusal) -> str:
    assert isinstance(answer, Refusal)
    assert answer.code is Code.NOTHING_TO_ROLL_BACK_TO
    assert "Nothing was changed" in answer.remedy
    return answer.observed


@pytest.mark.parametrize("kind", ["deploy", "switch"])
@pytest.mark.parametrize("result", ["succeeded", "running"])
def test_a_release_is_rolled_back_to_the_version_that_served_before(kind: str, result: str) -> None:
    assert previous(ON_GREEN, Release(kind, result=result), converged=True) == Previous(Colour.BLUE, "v1")


def test_a_rollback_pressed_twice_does_not_bring_the_bad_version_back() -> None:
    assert "rolled back from green to blue already" in refused(previous(ON_BLUE, ROLLBACK, converged=True))


@pytest.mark.parametrize(("result", "converged"), [("running", True), ("running", False), ("succeeded", False)])
def test_a_rollback_that_has_not_finished_goes_on_without_a_patch(result: str, *, converged: bool) -> None:
    answer = previous(ON_BLUE, replace(ROLLBACK, result=result), converged=converged)
    assert answer == Previous(Colour.BLUE, patch=False)


@pytest.mark.parametrize("result", ["succeeded", "failed"])
def test_a_rollback_that_left_weights_unwritten_is_completed(result: str) -> None:
    half = weighted(serving=Colour.BLUE, routed=Colour.GREEN)
    assert previous(half, replace(ROLLBACK, result=result), converged=True) == Previous(Colour.BLUE, patch=False)
    assert isinstance(previous(weighted(), replace(ROLLBACK, result=result), converged=True), Refusal)


@pytest.mark.parametrize("result", ["running", "failed", "rolledBack"])
def test_a_release_that_never_switched_leaves_nothing_to_go_back_to(result: str) -> None:
    assert "blue has served since before it" in refused(previous(ON_BLUE, Release(result=result), converged=True))


@pytest.mark.parametrize("kind", ["deploy", "switch", "rollback"])
def test_after_a_switch_by_an_update_the_last_release_names_the_version_before(kind: str) -> None:
    last = Release(kind)
    assert previous(ON_BLUE, last, converged=True) == Previous(Colour.GREEN, "v2")
    retired = observed(Colour.BLUE, green=ColourState(Colour.GREEN, "v2", 0, 0))
    assert previous(retired, last, converged=True) == Previous(Colour.GREEN, "v2")


@pytest.mark.parametrize("tag", ["v2", None])
def test_a_version_that_an_update_has_warmed_since_is_not_the_one_before(tag: str | None) -> None:
    warmed = observed(Colour.BLUE, green=ColourState(Colour.GREEN, "v3", 3, 3))
    answer = previous(warmed, Release(tag=tag), converged=True)
    assert refused(answer) == "no record says which version served before blue v1, and green v3 may never have served"


@pytest.mark.parametrize("last", [None, Release("deploy", "green", "blue", "v2", "v3", "refused")])
def test_without_a_record_a_rollback_does_not_go_to_a_version_that_was_only_warmed(last: Release | None) -> None:
    answer = previous(ON_GREEN, last, converged=True)
    assert refused(answer) == "no record says which version served before green v2, and blue v1 may never have served"
    assert isinstance(answer, Refusal)
    assert "backend serves green v2, 3 of 3 pods ready." in answer.remedy
    assert answer.remedy.endswith("(blue v1, 3 of 3 pods ready): switchyard switch backend blue")
    retired = observed(Colour.GREEN, blue=ColourState(Colour.BLUE, "v1", 0, 0))
    assert "blue has no pods" in refused(previous(retired, last, converged=True))


@pytest.mark.parametrize(
    ("written", "complete", "goes"),
    [
        ("2026-01-02T03:00:00Z", "2026-01-02T02:00:00Z", True),
        ("2026-01-02T03:00:00Z", "2026-01-02T04:00:00Z", False),
        ("2026-01-02T01:00:00Z", "2026-01-01T00:00:00Z", False),
        ("2026-01-02T03:00:00Z", None, False),
    ],
    ids=["switched", "warmed since", "never switched", "never complete"],
)
def test_without_a_record_a_rollback_goes_to_a_colour_that_the_service_was_switched_away_from(
    written: str, complete: str | None, *, goes: bool
) -> None:
    blue = ColourState(Colour.BLUE, "v1", 3, 3, complete_since=complete)
    observation = observed(Colour.GREEN, blue=blue)
    entry = {"time": written, "fieldsV1": {"f:spec": {"f:selector": {}}}}
    metadata = {"creationTimestamp": "2026-01-02T01:00:00Z", "managedFields": [entry]}
    observation = replace(observation, live={**observation.live, "metadata": metadata})
    answer = previous(observation, None, converged=True)
    assert answer == Previous(Colour.BLUE, "v1") if goes else "blue v1 may never have served" in refused(answer)


def test_a_refused_release_names_the_version_that_an_update_has_replaced() -> None:
    deploy = Release(source="blue", target="green", from_tag="v1", tag="v3", result="refused")
    assert previous(ON_GREEN, deploy, converged=True) == Previous(Colour.BLUE, "v1")
    replaced = observed(Colour.GREEN, blue=ColourState(Colour.BLUE, "v4", 3, 3))
    assert "blue v4 may never have served" in refused(previous(replaced, deploy, converged=True))


def test_a_version_that_was_refused_is_nothing_to_go_back_to() -> None:
    deploy = Release(source="green", target="blue", from_tag="v2", tag="v3", result="refused")
    warmed = observed(Colour.GREEN, blue=ColourState(Colour.BLUE, "v3", 3, 3))
    assert "v3 in blue was refused" in refused(previous(warmed, deploy, converged=True))
    # The idle colour has another version by now, of which no record says that it has served.
    assert "blue v1 may never have served" in refused(previous(ON_GREEN, deploy, converged=True))


def test_a_deploy_that_was_rolled_back_and_runs_its_hooks_is_not_said_to_be_unswitched() -> None:
    answer = previous(ON_BLUE, Release(result="running", has_switched=True), converged=True)
    assert "was rolled back to blue already, and has not ended" in refused(answer)
    assert isinstance(answer, Refusal)
    assert "switchyard status" in answer.remedy
    assert "switchyard resume backend" in answer.remedy
    assert "switchyard abort" not in answer.remedy


@pytest.mark.parametrize("has_switched", [True, False])
def test_a_rollback_by_a_deploy_that_has_not_written_the_weights_is_completed(*, has_switched: bool) -> None:
    deploy = Release(result="running", has_switched=has_switched)
    half = weighted(serving=Colour.BLUE, routed=Colour.GREEN)
    assert previous(half, deploy, converged=True) == Previous(Colour.BLUE, patch=False)
    assert isinstance(previous(weighted(), deploy, converged=True), Refusal)


@pytest.mark.parametrize(("result", "remedy"), [("running", "switchyard abort"), ("rolledBack", "switchyard switch")])
def test_a_version_that_nobody_has_proved_is_not_what_a_rollback_names(result: str, remedy: str) -> None:
    answer = previous(ON_BLUE, Release(result=result), converged=True)
    assert isinstance(answer, Refusal)
    assert [word in answer.remedy for word in ("switchyard abort", "switchyard switch")] == [
        remedy == "switchyard abort",
        remedy == "switchyard switch",
    ]
