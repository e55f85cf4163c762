"""The actions of Ingress annotations in the fake load balancer controller."""

import json
from typing import Any

import pytest

from devtools.rehearsal.load_balancer.actions import MESSAGE_LIMIT, action, default_action
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.manifests.ingress import NO_ROUTE, NO_ROUTE_RESPONSE, group_ingress
from switchyard.manifests.pods import Manifest


def saying(annotation: str | None) -> Manifest:
    """The load balancer's Ingress with another action."""
    raw = {"kind": "ec2", "name": "production", "loadBalancer": {"routes": [{"service": "backend"}]}}
    ingress = group_ingress(Ec2Cluster.model_validate(raw), "sg-1", "")
    key = f"{ALB_ANNOTATIONS}/actions.{NO_ROUTE}"
    changed = ingress["metadata"]["annotations"] | {key: annotation}
    kept = {name: value for name, value in changed.items() if value is not None}
    return ingress | {"metadata": ingress["metadata"] | {"annotations": kept}}


def response(**config: Any) -> str:
    return json.dumps({"type": "fixed-response", "fixedResponseConfig": config})


def test_the_programs_own_action_is_taken_as_it_is() -> None:
    assert default_action(saying(response(**NO_ROUTE_RESPONSE))) == (
        {
            "Type": "fixed-response",
            "FixedResponseConfig": {
                "ContentType": "text/plain",
                "StatusCode": "404",
                "MessageBody": "No route leads here.",
            },
        },
        [],
    )


def test_an_ingress_without_a_default_backend_has_no_action() -> None:
    ingress = saying(None)
    assert default_action(ingress | {"spec": {"rules": []}}) == (None, [])


def test_a_missing_action_is_a_503_with_a_note() -> None:
    action, [note] = default_action(saying(None))
    assert action is not None
    assert action["FixedResponseConfig"]["StatusCode"] == "503"
    assert f"no annotation actions.{NO_ROUTE}" in note


def test_a_default_backend_that_is_a_service_is_not_supported() -> None:
    backend = {"service": {"name": "backend", "port": {"name": "http"}}}
    with pytest.raises(ValueError, match="a defaultBackend that is no action"):
        default_action(saying("") | {"spec": {"defaultBackend": backend}})


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ("404", "has no type"),
        ("{", "is no JSON"),
        ('{"type": "redirect"}', "type redirect is unknown"),
        ('{"type": "fixed-response"}', "has no fixedResponseConfig"),
        (response(messageBody="none"), "has no fixedResponseConfig with a statusCode"),
        (response(statusCode=404), "a statusCode that is a text"),
        (response(statusCode="404", contentTyp="text/plain"), "contentTyp is unknown"),
        (response(statusCode="404", messageBody="x" * (MESSAGE_LIMIT + 1)), "has 1025 characters, AWS takes 1024"),
    ],
)
def test_an_action_that_the_controller_or_aws_would_refuse_is_refused(annotation: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        action(saying(annotation), NO_ROUTE)
