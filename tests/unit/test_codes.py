"""Every code is used, has a title, and has a section in the runbook; the page of refusals links to these sections."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from switchyard.code_titles import TITLES
from switchyard.codes import Code

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for package in ("switchyard", "components") for path in (ROOT / package).rglob("*.py")]
SECTION = re.compile(r"^#{3,4} (SY-\w+) - (.*)\n\n((?:(?!#).*\n)*)", re.MULTILINE)
REFUSALS = (ROOT / "docs" / "refusals.md").read_text()
SECTIONS = {code: (title, text) for code, title, text in SECTION.findall((ROOT / "docs" / "runbook.md").read_text())}


ROWS = [line for line in REFUSALS.splitlines() if line.startswith("| ") and not line.startswith("| code ")]
REFUSAL_CALLS = [
    (path, node)
    for folder in ("gates/rules", "release")
    for path in (ROOT / "switchyard" / folder).rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Refusal"
]


def anchor(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_code_is_used_by_a_rule_or_an_error() -> None:
    used = {
        name
        for path in SOURCES
        if path.name != "codes.py"
        for name in re.findall(r"\bCode\.([A-Z_0-9]+)", path.read_text())
    }
    assert set(Code.__members__) - used == set(), "no rule and no error has these codes"
    assert used <= set(Code.__members__)


def test_codes_are_unique_and_have_their_area_in_them() -> None:
    assert all(re.fullmatch(r"SY-[CKODSRALEPX]\d{3}", code) for code in Code)
    assert len(set(Code)) == len(Code.__members__)


def test_every_code_has_a_title_of_its_own() -> None:
    assert set(TITLES) == set(Code), "TITLES of switchyard/code_titles.py has a line for every code"
    assert [title for title, count in Counter(TITLES.values()).items() if count > 1] == []


def test_every_code_is_a_heading_of_the_runbook_and_no_heading_is_without_a_code() -> None:
    assert set(Code) - set(SECTIONS) == set(), "add headings to docs/runbook.md, under Messages by code"
    assert {code: title for code, (title, _) in SECTIONS.items()} == {str(code): TITLES[code] for code in Code}


@pytest.mark.parametrize("code", Code)
def test_section_of_a_code_has_two_sentences_or_more(code: Code) -> None:
    _, text = SECTIONS[code]
    assert len(re.findall(r"[.!?](?:\s|$)", text)) >= 2, text


def test_codes_on_the_page_of_refusals_link_to_their_sections() -> None:
    used = set(re.findall(r"\[(SY-\w+)\](?!:)", REFUSALS))
    links = dict(re.findall(r"^\[(SY-\w+)\]: (\S+)$", REFUSALS, re.MULTILINE))
    assert used == set(links) <= set(Code)
    assert links == {code: f"runbook.md#{anchor(f'{code} - {TITLES[Code(code)]}')}" for code in links}


def test_every_row_of_the_page_of_refusals_has_a_code() -> None:
    assert len(ROWS) > 150
    assert [row for row in ROWS if not re.match(r"\| (\[SY-\w+\]|the engine's|AWS's)", row)] == []


def codes_of(call: ast.Call) -> Iterator[str]:
    """Names of the codes that a call of `Refusal` may give."""
    [code] = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "code")]
    yield from re.findall(r"\bCode\.([A-Z_0-9]+)", ast.unparse(code))


def test_every_refusal_names_its_code_where_it_is_built() -> None:
    assert [f"{path.name}:{call.lineno}" for path, call in REFUSAL_CALLS if not list(codes_of(call))] == []
    assert len(REFUSAL_CALLS) > 40


def test_every_refusal_and_every_error_of_a_configuration_has_a_row_on_the_page_of_refusals() -> None:
    refused = {Code[name] for _, call in REFUSAL_CALLS for name in codes_of(call)}
    configuration = {code for code in Code if code.startswith("SY-C")}
    rows = "\n".join(ROWS)
    assert {code for code in refused | configuration if f"[{code}]" not in rows} == set(), (
        "add rows to docs/refusals.md"
    )
