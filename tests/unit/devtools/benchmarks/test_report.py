"""The page of benchmarks and its raw data."""

import json

from devtools.benchmarks.__main__ import DATA, PAGE
from devtools.benchmarks.report import report


def test_the_page_is_rendered_from_the_raw_data() -> None:
    assert PAGE.read_text() == report(json.loads(DATA.read_text())), (
        "write it again: .venv/bin/python -m devtools.benchmarks --render"
    )
