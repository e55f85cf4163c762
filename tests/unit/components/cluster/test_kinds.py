"""The table of the kinds of cluster, which somebody who adds one could leave unchanged."""

import importlib
import pkgutil
from typing import get_args

import pytest

from switchyard.config import models
from switchyard.config.json_schema import own_keys
from switchyard.config.kinds import KINDS, Cluster
from switchyard.config.models.cluster import CLUSTER, ClusterModel
from switchyard.config.reference import page


@pytest.fixture(scope="module")
def clusters() -> set[type[ClusterModel]]:
    """Every model of a cluster that a module of the settings models has."""
    for module in pkgutil.iter_modules(models.__path__):
        importlib.import_module(f"{models.__name__}.{module.name}")
    return {model for model in ClusterModel.__subclasses__() if model.__module__.startswith(models.__name__)}


def test_every_model_of_a_cluster_is_in_the_table(clusters: set[type[ClusterModel]]) -> None:
    forgotten = clusters - set(get_args(Cluster))
    assert forgotten == set(), "add the model to the union `Cluster` of switchyard/config/kinds.py"
    assert len(clusters) > 1


def test_each_kind_of_cluster_has_its_own_model() -> None:
    assert {kind: get_args(model.model_fields["kind"].annotation) for kind, model in KINDS.items()} == {
        kind: (kind,) for kind in KINDS
    }
    assert set(KINDS.values()) == set(get_args(Cluster)), "two models have the same kind"


def test_schema_and_reference_page_have_every_kind(clusters: set[type[ClusterModel]]) -> None:
    schema = own_keys()[CLUSTER]
    assert schema["properties"]["kind"]["enum"] == list(KINDS)
    assert len(schema["allOf"]) == len(clusters)
    headings = {vars(model).get("heading") for model in clusters}
    assert None not in headings, "each model of a cluster needs a `heading`"
    assert len(headings) == len(clusters)
    assert all(f"\n## {heading}\n" in page() for heading in headings)


def test_the_description_of_a_kind_names_every_other_kind(clusters: set[type[ClusterModel]]) -> None:
    for model in clusters:
        description = model.model_fields["kind"].description or ""
        assert {kind for kind in KINDS if f"`{kind}`" in description} == set(KINDS), model.__name__
