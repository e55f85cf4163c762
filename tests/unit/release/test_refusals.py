"""What a refusal of a switch gives to paste: nothing of it may do harm."""

import json
import re
from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.refusals import (
    refuse_kubeconfig_unreachable,
    refuse_no_pods,
    refuse_not_warmed,
    refuse_selector,
)
from tests.support.observed import observed, settings

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
