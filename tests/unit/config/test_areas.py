"""Every rule about the configuration has a code of the runbook, by the path of its value."""

import pytest

from switchyard.codes import Code
from switchyard.config.areas import AREAS, area
from switchyard.config.errors import SettingsError
from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings
from tests.support.configuration import changed, read


def test_every_key_with_an_area_is_a_key_of_a_service() -> None:
    models = (BlueGreenSettings, CanarySettings, ArgoBlueGreenSettings)
    known = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert set(AREAS) <= known


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("switchyard:services.backend.canary.steps.0", Code.WRONG_ROLLOUT_SETTINGS),
        ("switchyard:services.backend.blue.env.A", Code.WRONG_POD_SETTINGS),
        ("switchyard:services.backend.replicas", Code.WRONG_SERVICE_ENTRY),
        ("switchyard:services", Code.WRONG_SERVICE_ENTRY),
        ("switchyard:cluster.loadBalancer.routes", Code.WRONG_LOAD_BALANCER_SETTINGS),
        ("switchyard:cluster.nodes", Code.WRONG_CLUSTER_SETTINGS),
        ("switchyard:formerStack", Code.WRONG_STACK_SETTINGS),
    ],
)
def test_area_is_that_of_the_first_known_key(path: str, code: Code) -> None:
    assert area(path) is code


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("node_port", 30080, Code.UNKNOWN_KEY),
        ("active", "purple", Code.WRONG_VALUE),
        ("blue.replicas", 0, Code.WRONG_SERVICE_ENTRY),
        ("drain", {"preStopSeconds": 300}, Code.WRONG_SERVICE_ENTRY),
    ],
)
def test_line_of_a_wrong_setting_begins_with_its_code(path: str, value: object, code: Code) -> None:
    with pytest.raises(SettingsError) as caught:
        read({"backend": changed(path, value)})
    [line] = str(caught.value).splitlines()[1:]
    assert line.startswith(f"  {code} switchyard:services.backend.")
