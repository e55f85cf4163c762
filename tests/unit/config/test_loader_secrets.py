"""What may be a secret is shown in no line, and one that the engine would store in plain text is refused."""

from typing import Any

import pytest

from switchyard.config.errors import SettingsError
from switchyard.config.loader import load
from tests.support.configuration import BACKEND, EXISTING, changed, error_lines


@pytest.mark.parametrize("key", ["env", "secretEnv"])
@pytest.mark.parametrize(
    "value",
    [
        {"1BAD": "hunter2", "OK": ["hunter2"]},
        {"TOKEN": {"hunter": "hunter2"}},
        {"TOKEN=hunter2": ""},
        ["TOKEN=hunter2"],
        [{"name": "TOKEN", "value": "hunter2"}],
        "TOKEN=hunter2",
    ],
    ids=["mapping", "mapping of mappings", "in the key", "list", "list of mappings", "text"],
)
@pytest.mark.parametrize("above", ["", "blue."])
def test_values_of_environment_variables_are_never_shown_whatever_their_shape(key: str, value: Any, above: str) -> None:
    text = "\n".join(error_lines({"backend": changed(f"{above}{key}", value)}))
    assert f"switchyard:services.backend.{above}{key}" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "services",
    [
        {"backend": changed("blue", [{"env": {"TOKEN": "hunter2"}}])},
        {"backend": [{"env": {"TOKEN": "hunter2"}}]},
        {"backend": '{"env": {"TOKEN": "hunter2"}}'},
        [{"backend": {"env": {"TOKEN": "hunter2"}}}],
        '{"backend": {"env": {"TOKEN": "hunter2"}},}',
    ],
    ids=["a colour", "a service", "a service as text", "the services", "the services as text"],
)
def test_environment_variables_in_a_value_of_the_wrong_shape_are_not_shown(services: Any) -> None:
    text = "\n".join(error_lines(services))
    assert "must be a mapping of " in text
    assert "hunter2" not in text


def test_a_variable_in_env_and_in_secret_env_is_refused() -> None:
    service = changed("blue.env", {"TOKEN": "hunter2"})
    service["blue"]["secretEnv"] = {"TOKEN": {"secret": "backend-secrets", "key": "token"}}
    [problem] = error_lines({"backend": service})
    assert "backend.blue.secretEnv.TOKEN: (not shown): is in env as well" in problem
    assert problem.endswith("Remove it there: pulumi config rm --path 'switchyard:services.backend.blue.env.TOKEN'")


def test_a_variable_in_field_env_and_in_env_is_refused() -> None:
    service = changed("fieldEnv", {"NODE_NAME": "spec.nodeName"})
    service["blue"]["env"] = {"NODE_NAME": "hunter2"}
    [problem] = error_lines({"backend": service})
    assert "backend.fieldEnv.NODE_NAME: 'spec.nodeName': has another value in" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("key", ["switchyard:cluster", "switchyard:services"])
def test_a_value_set_with_secret_is_refused_because_it_would_be_stored_in_plain_text(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(EXISTING, {"backend": BACKEND}, "test", secret_keys=[key, "other:password"])
    [problem] = caught.value.problems
    assert str(problem).startswith(f"{key}: has a value set with --secret: settings go to the cluster, to the state")
    assert "secretEnv: {TOKEN: {secret: backend-secrets, key: token}}" in problem.remedy


def test_an_error_in_what_may_be_a_secret_is_reported_without_its_value() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"kind": "k3d"}, {"backend": changed("blue.tag", "hunter 2")}, "test", secret_keys=["switchyard:services"])
    lines = [str(problem) for problem in caught.value.problems]
    assert any("switchyard:services.backend.blue.tag: (not shown): must be an image tag" in line for line in lines)
    assert any("switchyard:cluster.kind: 'k3d'" in line for line in lines)
    assert "hunter" not in "\n".join(lines)
