"""The oldest Kubernetes that the manifests need."""

from typing import Any

import pulumi
import pytest

from components import platform
from switchyard.config.models.service import BlueGreenSettings
from switchyard.gates.rules.versions import oldest_minor, refuse_old
from switchyard.kube.access import ClusterAccess
from tests.support.configuration import BACKEND


def services(**more: Any) -> dict[str, BlueGreenSettings]:
    return {"backend": BlueGreenSettings.model_validate(BACKEND | more)}


@pytest.mark.parametrize(
    "version", ["v1.30.0", "v1.34.1", "1.30+", "v1.31.2-eks-7f9249a", "v1.33.4+k3s1", "v2.0.0", "odd"]
)
def test_new_enough_cluster_is_not_refused(version: str) -> None:
    assert refuse_old(version, services()) is None


def test_cluster_of_1_29_is_refused_with_the_feature_that_it_lacks() -> None:
    text = str(refuse_old("v1.29.15", services()))
    assert "the cluster runs Kubernetes v1.29.15, and this stack needs 1.30 or newer" in text
    assert "the manifests use preStop hooks of type sleep (since 1.30). Nothing was changed." in text
    assert "matchLabelKeys" not in text


def test_cluster_of_1_24_is_refused_with_all_that_it_lacks() -> None:
    text = str(refuse_old("v1.24.17-gke.1", services()))
    for feature in ("type sleep", "matchLabelKeys", "unhealthyPodEvictionPolicy", "nodeTaintsPolicy"):
        assert feature in text


def test_sleep_of_0_seconds_needs_a_newer_cluster_and_names_its_service() -> None:
    mixed = services() | {"other": services(drain={"preStopSeconds": 0})["backend"]}
    assert (oldest_minor(services()), oldest_minor(mixed)) == (30, 33)
    assert "drain.preStopSeconds: 0) (since 1.33) of other. Nothing" in str(refuse_old("v1.32.1", mixed))
    assert refuse_old("v1.33.0", mixed) is None


def test_run_on_an_old_cluster_ends_before_anything_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "server_version", lambda _: "v1.29.15")
    with pytest.raises(pulumi.RunError, match=r"needs 1\.30 or newer"):
        platform._refuse_old(services(), ClusterAccess())
