"""A service is created only in a namespace that takes objects."""

from switchyard.config.models.service import BlueGreenSettings
from switchyard.gates.rules.namespace import refuse_namespace
from tests.support.configuration import BACKEND

SERVICE = BlueGreenSettings.model_validate(BACKEND | {"namespace": "shop"})


def test_a_namespace_that_is_being_deleted_is_waited_for_before_it_is_created_again() -> None:
    text = str(refuse_namespace("backend", SERVICE, "Terminating"))
    assert "namespace shop is being deleted; nothing can be created in it any more" in text
    assert "kubectl wait --for=delete namespace/shop --timeout=10m && kubectl create namespace shop" in text


def test_a_namespace_that_exists_takes_a_service() -> None:
    assert refuse_namespace("backend", SERVICE, "Active") is None
