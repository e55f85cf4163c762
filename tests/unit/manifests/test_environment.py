"""The order of environment variables, and the references between them."""

from typing import Any

import pytest

from switchyard.config.env_references import cycle, ordered, references
from switchyard.config.models.service import ColourSettings, ServiceSettings
from switchyard.manifests.environment import sources, variables
from tests.support.configuration import BACKEND, changed, error_lines, read

PATH = "switchyard:services.backend"


def names(own: ColourSettings | None = None, **values: Any) -> list[str]:
    service = ServiceSettings.model_validate(BACKEND | values)
    return [
        variable["name"]
        for variable in variables(sources(service) | sources(own or ColourSettings()) | {"VERSION": {"value": "blue"}})
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgres://$(DB_USER)@$(DB_HOST)/x", ["DB_USER", "DB_HOST"]),
        ("$$(A)", []),
        ("$$$(A)", ["A"]),
        ("$x$(A)", ["A"]),
        ("$(A", []),
        ("$(A)$(B-c.d)", ["A", "B-c.d"]),
        ("$(date +%s) $()", []),
        ("$\n$(A)", ["A"]),
        ("$", []),
    ],
)
def test_references_are_read_as_the_kubelet_reads_them(value: str, expected: list[str]) -> None:
    assert list(references(value)) == expected


def test_without_a_reference_the_order_is_the_alphabet() -> None:
    env = {"b": "1", "A": "$$(b)", "C": "x $(date)"}
    assert names(env=env, fieldEnv={"NODE": "spec.nodeName"}) == sorted([*env, "NODE", "VERSION"])


def test_a_variable_stands_behind_those_that_it_refers_to() -> None:
    env = {
        "DATABASE_URL": "postgres://$(DB_USER):$(PASSWORD)@$(DB_HOST)/x",
        "DB_USER": "app",
        "DB_HOST": "db",
        "Z": "z",
    }
    secret = {"PASSWORD": {"secret": "database", "key": "password"}}
    assert names(env=env, secretEnv=secret) == ["DB_HOST", "DB_USER", "PASSWORD", "DATABASE_URL", "VERSION", "Z"]


@pytest.mark.parametrize(
    ("more", "before"),
    [
        ({"fieldEnv": {"NODE": "spec.nodeName"}, "env": {"A": "$(NODE)"}}, "NODE"),
        ({"env": {"A": "backend-$(VERSION)"}}, "VERSION"),
        ({"env": {"A": "$(B)", "B": "$(C)", "C": "c"}}, "B"),
    ],
)
def test_every_source_may_be_referred_to(more: dict[str, Any], before: str) -> None:
    order = names(**more)
    assert order.index(before) < order.index("A")


def test_the_value_of_a_colour_decides_on_the_order() -> None:
    env = {"A": "a", "B": "b"}
    assert names(env=env) == ["A", "B", "VERSION"]
    assert names(ColourSettings(env={"A": "$(B)"}), env=env) == ["B", "A", "VERSION"]
    assert names(ColourSettings(env={"A": "plain"}), env=env | {"A": "$(B)"}) == ["A", "B", "VERSION"]


def test_a_long_chain_is_ordered() -> None:
    values: dict[str, str | None] = {f"V{number:03}": f"$(V{number + 1:03})" for number in range(200)}
    values["V200"] = "x"
    assert ordered(values) == [f"V{number:03}" for number in reversed(range(201))]
    assert not cycle(values)


@pytest.mark.parametrize(
    ("env", "way"),
    [
        ({"A": "$(A):/bin"}, "A -> A"),
        ({"A": "$(B)", "B": "$(C)", "C": "$(A)"}, "A -> B -> C -> A"),
        ({"A": "$(B)", "B": "$(C)", "C": "$(B)"}, "B -> C -> B"),
    ],
)
def test_a_cycle_is_refused_with_its_path(env: dict[str, str], way: str) -> None:
    [problem] = error_lines({"backend": changed("env", env)})
    assert f"(not shown): refers to itself, {way}, and Kubernetes expands only" in problem


def test_a_cycle_between_a_colour_and_its_service_is_refused() -> None:
    service = changed("env", {"A": "$(B)", "B": "b"})
    service["green"]["env"] = {"B": "$(A)"}
    [problem] = error_lines({"backend": service})
    assert problem.startswith(f"{PATH}.env.A: (not shown): refers to itself, A -> B -> A")


def test_a_reference_to_no_variable_is_refused_and_not_shown() -> None:
    [problem] = error_lines({"backend": changed("env", {"URL": "$(DB_HSOT)", "DB_HOST": "db"})})
    assert problem.startswith(f"{PATH}.env.URL: (not shown): refers to a variable that the container does not have")
    assert "Did you mean $(DB_HOST)?" in problem
    assert "HSOT" not in problem


@pytest.mark.parametrize("value", ["$$(NOBODY)", "$(date +%s)", "$(KUBERNETES_SERVICE_HOST)", "100$", "$(VERSION)"])
def test_escaped_and_predefined_references_are_accepted(value: str) -> None:
    assert read({"backend": changed("env", {"A": value})})


def test_a_variable_of_one_colour_alone_is_missed_by_the_other() -> None:
    service = changed("env", {"URL": "$(HOST)"})
    service["blue"]["env"] = {"HOST": "blue.db"}
    assert len(error_lines({"backend": service})) == 1
    del service["green"]["tag"]
    assert read({"backend": service})
