"""``python -m devtools.wording``: refuses wording of `wording.tsv` in names, messages and documents.

Exit codes: 0 no refused wording, 1 refused wording, each with file, line and the term to write instead.
"""

import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[1]
TABLE = Path(__file__).with_suffix(".tsv")
TEXTS = {".py", ".md", ".yaml", ".toml", ".sh", ".txt", ""}
"""Suffixes of the files that are written by hand. Data and golden files are generated from them."""


@cache
def forms(wording: str) -> re.Pattern[str]:
    """Returns a pattern of a word or phrase in text and in names, with its usual endings."""
    phrase = r"[\s_-]+".join(re.escape(word) for word in re.split(r"[ -]", wording))
    # "for way in ways" and "for number, way in" are loops.
    return re.compile(rf"(?<![A-Za-z])(?<!for )(?<!, ){phrase}(?:s|ed|ing)?(?![A-Za-z])", re.IGNORECASE)


def terms() -> dict[str, str]:
    """Returns the table: wording, and what to write instead."""
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("\t") for line in lines)


def refused_lines(text: str, table: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    """Yields line number, wording and term for each line that has refused wording."""
    lowered = text.lower()  # a plain search for the words rules out most terms, much faster than their patterns
    present = {
        wording: term
        for wording, term in table.items()
        if all(word in lowered for word in re.split(r"[ -]", wording.lower())) and forms(wording).search(text)
    }
    for number, line in enumerate(text.splitlines() if present else (), 1):
        for wording, term in present.items():
            if forms(wording).search(line):
                yield number, wording, term


def files() -> Iterator[Path]:
    """Yields the project's files, except those in folders that tools write."""
    for folder, below, names in os.walk(PROJECT):
        below[:] = [name for name in below if not name.startswith((".", "__")) and not name.endswith(".egg-info")]
        yield from (Path(folder, name) for name in names)


def main() -> int:
    """Reads every file of the project that is written by hand, and prints refused wording."""
    own = {TABLE, Path(__file__), PROJECT / "tests" / "unit" / "devtools" / "test_wording.py"}
    table, failed = terms(), False
    for path in sorted(files()):
        if path.suffix not in TEXTS or path in own or path.name == "requirements.txt":
            continue
        for number, wording, term in refused_lines(path.read_text(), table):
            failed = True
            print(f"{path.relative_to(PROJECT)}:{number}: {wording!r}: write {term}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
