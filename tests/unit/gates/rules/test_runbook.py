"""The sections of the runbook that refusals name are there, and what its moves put into a stack file is valid."""

import re
from typing import Any

import pytest
import yaml

from switchyard.config.models.service_name import ServiceName
from switchyard.gates.rules.deletion import refuse_unconfigured_service
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.relocation import (
    StackLocation,
    refuse_other_cluster,
    refuse_other_identifier,
    refuse_other_name,
    refuse_other_namespace,
)
from tests.support.configuration import read
from tests.support.runbook import BLOCK, RUNBOOK, steps

BEFORE = StackLocation("production", "uid-1", {"backend": "default"})

REFUSALS = {
    "identifier": refuse_other_identifier(BEFORE, "other", None),
    "cluster": refuse_other_cluster(BEFORE, "uid-2", None, "the kubeconfig"),
    "namespace": refuse_other_namespace("backend", "shop", "default", "it has 3 ready endpoints"),
    "name": refuse_other_name(ServiceName("backend", "backend"), "storefront", "default", "it has 3 ready endpoints"),
    "vanished": refuse_unconfigured_service("backend", "default", "it has 3 ready endpoints", "this run"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_the_sections_that_a_refusal_names_are_in_the_runbook(refusal: Refusal | None) -> None:
    assert refusal is not None
    _, _, words = refusal.remedy.partition("docs/runbook.md")
    named = re.findall(r'"([^"]+)"', words)
    assert named
    headings = re.findall(r"^## (.*)$", RUNBOOK.read_text(), re.MULTILINE)
    assert set(named) <= set(headings)


@pytest.mark.parametrize(
    ("section", "names"),
    [("Move a service to another namespace", {"shop/backend"}), ("Rename a service", {"default/storefront"})],
)
def test_the_entry_that_a_move_adds_is_valid_beside_the_old_one(section: str, names: set[str]) -> None:
    old: dict[str, Any] = {"image": "ghcr.io/org/backend", "active": "blue", "blue": {"tag": "v1.0.0", "replicas": 3}}
    services = {"backend": old}
    for step in steps(section).values():
        for kind, block in BLOCK.findall(step):
            services |= yaml.safe_load(block) if kind == "yaml" else {}
    read_services = read(services).services
    assert {f"{service.namespace}/{service.named(key)}" for key, service in read_services.items()} == {
        "default/backend",
        *names,
    }
