"""Links between the pages of the documentation."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted(
    str(page.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md")
    for page in ROOT.glob(pattern)
)

LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", re.MULTILINE)
"""The target of a link, in the text or as a reference at the end of a page."""


@cache
def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub derives them."""
    headings = (
        re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in re.findall("(?m)^#+ (.*)$", prose(page))
    )
    return frozenset(heading.replace(" ", "-") for heading in headings)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_or_a_heading_has_its_target(page: str) -> None:
    broken = []
    for match in LINK.finditer(prose(ROOT / page)):
        link = match[1] or match[2]
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent.joinpath(file).resolve() if file else ROOT / page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []
