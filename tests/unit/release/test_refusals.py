"""What a refusal of a switch gives to paste: nothing of it may do harm."""

import json
import re
from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.deploy.refusals import refuse_returned, refuse_serves
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.refusals import (
    refuse_kubeconfig_unreachable,
    refuse_no_pods,
    refuse_not_warmed,
    refuse_nothing_before,
    refuse_selector,
)
from tests.support.observed import GREEN, observed, settings

LABEL_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
"""The API server's rule for the value of a label, and of a selector."""


def patched(target: Colour | None) -> tuple[str, str]:
    """The refusal, and the colour that its patch selects."""
    text = str(refuse_kubeconfig_unreachable("backend", settings(), target, "no such host"))
    [[operation]] = [json.loads(patch) for patch in re.findall(r"-p '(.*)'", text)]
    return text, operation["value"]["version"]


def test_a_patch_by_hand_without_a_colour_is_refused_by_the_api_server_as_it_is_pasted() -> None:
    text, colour = patched(None)
    assert not re.fullmatch(LABEL_VALUE, colour)
    assert "put the colour that is to serve in place of <blue or green>" in text
    assert "kubectl -n default get service backend -o wide" in text


def test_a_patch_by_hand_with_a_colour_selects_it() -> None:
    text, colour = patched(Colour.GREEN)
    assert colour == "green"
    assert "in place of" not in text


@pytest.mark.parametrize(
    ("selected", "remedy"),
    [
        ({}, "kubectl -n default get endpointslices -l kubernetes.io/service-name=backend"),
        ({"app": "other"}, "kubectl -n default get pods -l app=other"),
    ],
)
def test_a_selector_of_neither_colour_has_a_remedy_that_shows_what_answers(
    selected: dict[str, str], remedy: str
) -> None:
    text = str(refuse_selector("backend", settings(), selected))
    assert remedy in text
    assert "-l nothing" not in text


@pytest.mark.parametrize("tag", ["v3", None])
def test_a_version_that_the_engine_has_not_warmed_is_warmed_by_what_is_pasted(tag: str | None) -> None:
    retired = ColourState(Colour.BLUE, tag, 0, 0)
    plan = Plan(Act.ROLLBACK, observed(Colour.GREEN, blue=retired), Colour.BLUE, warm_tag="v1")
    text = str(refuse_not_warmed(plan, "no such host"))
    assert "'switchyard:services.backend.blue.tag' v1 && " in text
    assert "'switchyard:services.backend.blue.replicas' 3 && pulumi up" in text, "no pods would be created"


EMPTY = ColourState(Colour.GREEN, "v2", 0, 0)


@pytest.mark.parametrize(
    ("green", "remedy"),
    [
        (GREEN, "To have green serve (green v2, 3 of 3 pods ready): switchyard switch backend green"),
        (EMPTY, "To release a version: switchyard deploy backend TAG"),
    ],
)
def test_a_rollback_to_nothing_proposes_no_switch_to_a_colour_without_pods(green: ColourState, remedy: str) -> None:
    refusal = refuse_nothing_before(observed(green=green), "it has no release")
    assert refusal.remedy.endswith(f"backend serves blue v1, 3 of 3 pods ready. {remedy}")


@pytest.mark.parametrize(
    ("green", "is_warm"), [(GREEN, True), (EMPTY, False), (ColourState(Colour.GREEN, "v3", 3, 3), False)]
)
@pytest.mark.parametrize("colour", Colour)
def test_a_version_that_was_rolled_back_is_warmed_before_a_switch_to_it(
    green: ColourState, is_warm: bool, colour: Colour
) -> None:
    version = RolledBack(colour.value, "v2", "id-0", "2030-01-31T12:00:00Z", "ada")
    path = "switchyard:services.backend.green"
    warm = f"pulumi config set --path '{path}.tag' v2 && pulumi config set --path '{path}.replicas' 3 && pulumi up && "
    remedy = f"To have it serve anyway: {'' if is_warm else warm}switchyard switch backend green"
    assert refuse_returned(observed(green=green), "v2", version).remedy.endswith(remedy)


def test_what_serves_can_be_released_with_other_settings() -> None:
    refusal = refuse_serves(observed(green=EMPTY), "v1")
    path = "switchyard:services.backend.green"
    assert refusal is not None
    assert refusal.remedy.endswith(
        f"set them under {path}, and then: pulumi config set --path '{path}.tag' v1 && "
        f"pulumi config set --path '{path}.replicas' 3 && pulumi up && switchyard switch backend green"
    )


def on_port(number: int) -> ColourState:
    return ColourState(Colour.BLUE, "v1", 3, 3, frozenset({("http", number), ("metrics", 9090)}))


@pytest.mark.parametrize(("port", "target"), [(8000, 9000), (9000, 9000), (8000, 15000)])
def test_a_rollback_to_pods_that_listen_on_other_ports_is_refused(port: int, target: int) -> None:
    """A target that is not the port of the pods that serve was set by hand, and says nothing about the versions."""
    serving = ColourState(Colour.GREEN, "v2", 3, 3, frozenset({("http", 9000), ("metrics", 9090)}))
    observation = observed(Colour.GREEN, blue=on_port(port), green=serving)
    ports = [{"name": "http", "port": 9000, "targetPort": target}, {"name": "metrics", "port": 9090}]
    changed = {**observation.live, "spec": {**observation.live["spec"], "ports": ports}}
    refusal = refuse_no_pods(replace(observation, live=changed), Colour.BLUE, Act.ROLLBACK)
    if (port, target) != (8000, 9000):
        assert refusal is None
        return
    text = str(refusal)
    assert "(SY-P024): its pods listen on port 8000, and Service backend targets port 9000" in text
    assert (
        "pulumi config set --path 'switchyard:services.backend.port' 8000 && "
        "pulumi config set --path 'switchyard:services.backend.active' blue && pulumi up" in text
    )
