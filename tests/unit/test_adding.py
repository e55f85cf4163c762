"""docs/contributing/adding.md names files, tables and tests that exist."""

import re

import pytest

from devtools.toolchain.paths import PROJECT

PAGE = (PROJECT / "docs" / "contributing" / "adding.md").read_text()
PATHS = sorted(set(re.findall(r"`((?:switchyard|components|devtools|tests|docs|examples)/[\w./-]*)`", PAGE)))
TABLES = sorted(set(re.findall(r"`(\w+)`\s(?:in|of)\s`([\w/.]+\.py)`", PAGE)))
"""What the page says to be in a file: a table, a class or a function."""


def test_the_page_names_files_and_tables() -> None:
    assert len(PATHS) > 30
    assert len(TABLES) > 10


@pytest.mark.parametrize("path", PATHS)
def test_a_file_that_the_page_names_exists(path: str) -> None:
    assert (PROJECT / path).exists()


@pytest.mark.parametrize(("name", "path"), TABLES)
def test_a_table_that_the_page_names_is_in_its_file(name: str, path: str) -> None:
    assert re.search(rf"^(class |def )?{name}\b", (PROJECT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("title", re.findall(r"^## (.*)", PAGE, re.MULTILINE))
def test_an_entry_says_which_test_or_check_fails(title: str) -> None:
    entry = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    assert re.search(r"`tests/unit/\S+\.py`|mypy", entry)
