"""What a stack brings to its cluster."""

import pytest

from render.addons import argo_rollouts_values
from settings.addons import ArgoRolloutsChart
from settings.problems import SettingsError
from settings.stack import load
from tests.unit.configuration import BACKEND


def test_the_definitions_of_argo_rollouts_outlive_its_release() -> None:
    values = argo_rollouts_values(ArgoRolloutsChart(version="2.40.5", dashboard=True))
    assert (values["installCRDs"], values["keepCRDs"]) == (True, True)
    assert values["dashboard"] == {"enabled": True}


@pytest.mark.parametrize(("chart", "path"), [("argo-rollouts", False), ("./charts/argo", True), ("/charts/argo", True)])
def test_a_chart_is_a_name_or_a_path(chart: str, path: bool) -> None:
    assert ArgoRolloutsChart(version="2.40.5", chart=chart).is_path is path


@pytest.mark.parametrize(
    ("chart", "line"),
    [
        ({}, "argoRollouts.version: missing: the key has no default"),
        ({"version": "2.x"}, "argoRollouts.version: '2.x': must be one version of a chart, not a range"),
        (
            {"version": "2.40.5", "repository": "argo"},
            "argoRollouts.repository: 'argo': must be an http or https address",
        ),
        ({"version": "2.40.5", "values": {}}, "argoRollouts.values: unknown key"),
    ],
)
def test_a_mistake_in_it_gets_a_line(chart: dict[str, object], line: str) -> None:
    with pytest.raises(SettingsError) as found:
        load({"kind": "existing", "argoRollouts": chart}, {"backend": BACKEND}, "staging")
    assert line in str(found.value)
