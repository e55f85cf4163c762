"""The refusal of a switch that leaves a node without pods, under the traffic policy Local."""

from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.gates.rules.local_traffic import local_policies, refuse_lost_nodes

INTERNAL, EXTERNAL = "internalTrafficPolicy", "externalTrafficPolicy"


def service(options: dict[str, Any] | None = None, **more: Any) -> BlueGreenSettings:
    colours = {"blue": {"tag": "v1", "replicas": 1}, "green": {"tag": "v2", "replicas": 1}}
    return BlueGreenSettings.model_validate(
        {"image": "org/backend", "active": "green", "service": options or {}, **colours, **more}
    )


@pytest.mark.parametrize(
    ("options", "live", "by_update", "by_command"),
    [
        ({}, {}, [], []),
        ({}, {INTERNAL: "Cluster", EXTERNAL: "Cluster"}, [], []),
        ({INTERNAL: "Local"}, {INTERNAL: "Local"}, [INTERNAL], [INTERNAL]),
        ({EXTERNAL: "Local"}, {EXTERNAL: "Cluster"}, [EXTERNAL], [EXTERNAL]),
        ({}, {INTERNAL: "Local", EXTERNAL: "Local"}, [INTERNAL, EXTERNAL], [INTERNAL, EXTERNAL]),
        # The update writes the policy with the selector; a command writes the selector alone.
        ({INTERNAL: "Cluster"}, {INTERNAL: "Local"}, [], [INTERNAL]),
    ],
)
def test_a_policy_is_local_by_the_settings_or_by_the_live_service(
    options: dict[str, Any], live: dict[str, Any], by_update: list[str], by_command: list[str]
) -> None:
    assert local_policies(service(options), live, by_command=False) == by_update
    assert local_policies(service(options), live, by_command=True) == by_command


def test_nodes_that_would_answer_no_more_are_named_with_the_commands() -> None:
    text = str(refuse_lost_nodes("backend", service(), Track.GREEN, [INTERNAL, EXTERNAL], {"n2", "n1"}))
    assert "the switch to green is refused (SY-S022): on n1, n2 pods serve, and none of green is ready there" in text
    assert "with internalTrafficPolicy Local and externalTrafficPolicy Local a node without a ready pod" in text
    assert "Set green.replicas to at least the number of nodes" in text
    path = "switchyard:services.backend.service"
    commands = [f"pulumi config set --path '{path}.{policy}' Cluster" for policy in (INTERNAL, EXTERNAL)]
    assert f"`{' && '.join(commands)} && pulumi up`" in text


def test_the_minimum_of_an_autoscaler_is_named_in_place_of_replicas() -> None:
    scaled = service(autoscaling={"min": 1, "max": 3})
    assert "Set autoscaling.min to" in str(refuse_lost_nodes("backend", scaled, Track.GREEN, [INTERNAL], {"n1"}))
    assert "Set blue.replicas to" in str(refuse_lost_nodes("backend", scaled, Track.BLUE, [INTERNAL], {"n1"}))


@pytest.mark.parametrize(("policies", "nodes"), [([], {"n1"}), ([INTERNAL], set())])
def test_a_switch_without_the_policy_or_to_every_node_is_not_refused(policies: list[str], nodes: set[str]) -> None:
    assert refuse_lost_nodes("backend", service(), Track.GREEN, policies, nodes) is None
