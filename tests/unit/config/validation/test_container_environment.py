"""References to environment variables in every place in which Kubernetes expands them."""

from typing import Any

import pytest

from switchyard.config.errors import SettingsError
from switchyard.config.loader import load
from switchyard.config.models.service import Track
from switchyard.manifests.pods import pod_template
from tests.support.configuration import BACKEND, EXISTING

UNKNOWN, CYCLE = "refers to a variable that the container does not have", "refers to itself"


def refused(**service: Any) -> dict[str, str]:
    """The rules that a service breaks, by their paths."""
    try:
        load(EXISTING, {"backend": BACKEND | service}, "test")
    except SettingsError as error:
        start = "switchyard:services.backend."
        return {problem.path.removeprefix(start): problem.rule.partition(",")[0] for problem in error.problems}
    return {}


def patch(*env: dict[str, Any], name: str = "app", **container: Any) -> dict[str, Any]:
    return {"podPatch": {"spec": {"containers": [{"name": name, "env": list(env), **container}]}}}


def variable(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


SIDECAR = {"name": "proxy", "image": "proxy:v1"}
OF_PATCH = "podPatch.spec.containers.0"


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({"args": ["--host=$(HOST)"]}, {"args.0": UNKNOWN}),
        ({"args": ["--host=$(HOST)"], "env": {"HOST": "db"}}, {}),
        ({"args": ["--host=$(HOST)"], "envFrom": [{"configMap": "db"}]}, {}),
        ({"args": ["$$(HOST)", "$(VERSION)", "$(KUBERNETES_SERVICE_HOST)"]}, {}),
        ({"command": ["sh", "-c", "exec app --since=$(date +%s) --host=$(hostname)"]}, {}),
        (
            {"sidecars": [{"name": "proxy", "image": "proxy:v1", "command": ["$(VERSION)"]}]},
            {"sidecars.0.command.0": UNKNOWN},
        ),
        (patch(variable("A", "$(B)")), {f"{OF_PATCH}.env.0.value": UNKNOWN}),
        (patch(variable("A", "$(B)"), variable("B", "$(A)")), {f"{OF_PATCH}.env.0.value": CYCLE}),
        (patch(variable("A", "$(B)"), envFrom=[{"configMapRef": {"name": "db"}}]), {}),
        (patch(args=["$(HOST)"]) | {"args": ["$(PORT)"]}, {f"{OF_PATCH}.args.0": UNKNOWN}),
        (patch({"name": "B", "$patch": "delete"}) | {"env": {"A": "$(B)", "B": "b"}}, {"env.A": UNKNOWN}),
        (patch(variable("B", "b")) | {"env": {"A": "$(B)"}}, {}),
        (patch(variable("A", "$(B)"), name="proxy", image="proxy:v1"), {f"{OF_PATCH}.env.0.value": UNKNOWN}),
    ],
)
def test_a_reference_that_kubernetes_would_leave_is_refused(service: dict[str, Any], expected: dict[str, str]) -> None:
    assert refused(**service) == expected


def test_a_hook_has_the_variables_of_the_release() -> None:
    job = {"env": {"TAG": "$(SWITCHYARD_TAG)", "A": "$(A)"}, "args": ["$(SWITCHYARD_TAG)", "$(HOST)"]}
    hooks = {"beforeWarm": [{"name": "expand", "job": job}]}
    at = "release.hooks.beforeWarm.0.job"
    assert refused(release={"hooks": hooks}) == {f"{at}.args.1": UNKNOWN, f"{at}.env.A": CYCLE}


def test_a_typing_error_is_not_corrected_to_the_variable_itself() -> None:
    with pytest.raises(SettingsError) as error:
        load(EXISTING, {"backend": BACKEND | {"env": {"HOST": "$(HOSTS)"}}}, "test")
    assert "Did you mean" not in str(error.value)


def variables(service: dict[str, Any], container: int = 0) -> list[str]:
    settings = load(EXISTING, {"backend": BACKEND | service}, "test").services["backend"]
    template = pod_template("backend", Track.BLUE, settings, settings.blue.tag, settings.blue)
    return [entry["name"] for entry in template["spec"]["containers"][container]["env"]]


def test_variables_of_a_patch_stand_behind_those_that_they_refer_to() -> None:
    assert variables(patch(variable("A", "$(B)")) | {"env": {"A": "a", "B": "b"}}) == ["B", "A", "VERSION"]
    added = patch(variable("A", "$(B)"), variable("B", "b"), name="proxy", image="proxy:v1")
    assert variables(added, container=1) == ["B", "A"]


def test_variables_of_a_patch_that_are_in_order_stay_where_they_are() -> None:
    assert variables(patch(variable("A", "$(VERSION)")) | {"env": {"B": "b"}}) == ["B", "VERSION", "A"]
