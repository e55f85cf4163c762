"""Values that nobody writes on purpose end in a refusal, and in bounded time."""

import time
from pathlib import Path
from typing import Any

import pytest

from switchyard.config.env_references import cycle, ordered
from switchyard.config.errors import Problem, SettingsError
from switchyard.config.loader import load
from switchyard.config.stack_file import read_stack_file
from tests.support.configuration import BACKEND, EXISTING
from tests.unit.config.test_stack_file import SERVICE, arrived, problems_of, stack_file


def nested(levels: int, *, mapping: bool) -> Any:
    value: Any = []
    for _ in range(levels):
        value = {"a": value} if mapping else [value]
    return value


def refused(services: Any, cluster: Any = EXISTING) -> list[Problem]:
    with pytest.raises(SettingsError) as error:
        load(cluster, services, "test")
    return list(error.value.problems)


@pytest.mark.parametrize("mapping", [True, False])
@pytest.mark.parametrize("levels", [100, 3000])
@pytest.mark.parametrize("key", ["env", "podPatch", "args", "labels"])
def test_a_value_that_is_nested_without_end_is_refused(key: str, levels: int, *, mapping: bool) -> None:
    [problem] = refused({"backend": BACKEND | {key: nested(levels, mapping=mapping)}})
    assert problem.path == f"switchyard:services.backend.{key}"
    [problem] = refused({"backend": BACKEND}, EXISTING | {key: nested(levels, mapping=mapping)})
    assert problem.path == f"switchyard:cluster.{key}"


def test_a_list_that_is_nested_without_end_is_refused_as_service_and_as_cluster() -> None:
    assert [problem.path for problem in refused({"backend": nested(3000, mapping=False)})] == [
        "switchyard:services.backend"
    ]
    assert [problem.path for problem in refused(nested(3000, mapping=False))] == ["switchyard:services"]
    assert [problem.path for problem in refused({"backend": BACKEND}, nested(3000, mapping=False))] == [
        "switchyard:cluster"
    ]


def test_a_pod_patch_may_have_as_many_levels_as_pods_have() -> None:
    [problem] = refused({"backend": BACKEND | {"podPatch": nested(20, mapping=True)}})
    assert "levels" not in problem.rule


@pytest.mark.parametrize(
    "value", ["&all {A: *all}", "&all {<<: *all}", "&all [*all]", "[" * 3000 + "]" * 3000, "{a: " * 2000 + "}" * 2000]
)
def test_a_stack_file_that_cannot_be_followed_is_left_to_the_engine(tmp_path: Path, value: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: switchyard\n")
    (tmp_path / "Pulumi.test.yaml").write_text(f"{SERVICE}      env: {value}\n")
    assert read_stack_file(tmp_path, "test", "switchyard") is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_stack_file_is_read_in_every_encoding_of_yaml(tmp_path: Path, encoding: str, ending: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: switchyard\n")
    text = f"{SERVICE}      revisionHistoryLimit: 010\n".replace("\n", ending)
    (tmp_path / "Pulumi.test.yaml").write_bytes(text.encode(encoding))
    [problem] = problems_of(arrived(revisionHistoryLimit=8), read_stack_file(tmp_path, "test", "switchyard"))
    assert "line 9 of Pulumi.test.yaml" in problem.rule


@pytest.mark.parametrize(("text", "limit"), [("!!int '010'", 8), ('!!int "0x0A"', 10), ("!!float '1_0'", 10)])
def test_a_tag_has_yaml_read_a_number_in_quotes(tmp_path: Path, text: str, limit: int) -> None:
    written = stack_file(tmp_path, f"{SERVICE}      revisionHistoryLimit: {text}\n")
    [problem] = problems_of(arrived(revisionHistoryLimit=limit), written)
    assert "YAML reads this as the number" in problem.rule


@pytest.mark.parametrize("name", ["backend\n", "back\u200bend", "back\x00end", "back\u202eend"])
def test_a_key_with_control_characters_is_shown_escaped(name: str) -> None:
    for problem in refused({name: BACKEND}) + refused({"backend": BACKEND | {name: 1}}):
        assert str(problem).partition(": ")[0].isprintable()


def chain(length: int, *, closed: bool) -> dict[str, Any]:
    return {f"A{at}": f"$(A{(at + 1) % length if closed else at + 1})" for at in range(length)} | (
        {} if closed else {f"A{length}": "end"}
    )


def test_thousands_of_references_are_ordered_in_bounded_time() -> None:
    started = time.process_time()
    assert cycle(chain(3000, closed=False)) == []
    assert ordered(chain(3000, closed=False))[:2] == ["A3000", "A2999"]
    assert len(cycle(chain(3000, closed=True))) == 3001
    assert time.process_time() - started < 10


def test_a_long_cycle_is_shown_by_its_ends() -> None:
    [problem] = refused({"backend": BACKEND | {"env": chain(50, closed=True)}})
    assert "A0 -> A1 -> A2 -> A3 -> A4 -> A5 -> A6 -> A7 -> ... -> A0" in problem.rule


@pytest.mark.parametrize(
    ("values", "way"),
    [
        ({"A": "$(A)"}, ["A", "A"]),
        ({"A": "$$(A)"}, []),
        ({"A": "$$$(A)"}, ["A", "A"]),
        ({"A": "$(B)", "B": "$(C)", "C": "$(B)"}, ["B", "C", "B"]),
        ({"A": "$(B)", "B": "$(C)", "C": "$(A)", "D": "$(D)"}, ["D", "D"]),
        ({"A": "$(GONE)"}, []),
        ({"A": None}, []),
    ],
)
def test_the_shortest_cycle_is_named(values: dict[str, str | None], way: list[str]) -> None:
    assert cycle(values) == way
