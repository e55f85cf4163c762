"""docs/contributing/adding.md names files that exist, and a fault of the sandbox is known to all that play it."""

import re

import pytest

from devtools.sandbox import faults, stages, tags
from devtools.toolchain.paths import PROJECT

PAGE = (PROJECT / "docs" / "contributing" / "adding.md").read_text()
PATHS = sorted(set(re.findall(r"`((?:switchyard|components|devtools|tests|docs)/[\w./-]*)", PAGE)))
SIMULATED = (faults.NEVER_READY, faults.CRASH_LOOP, faults.CRASH_AFTER_READY)
ENDINGS = sorted(
    value for name, value in vars(faults).items() if name.isupper() and isinstance(value, str) and value.startswith("-")
)


def test_the_page_names_files() -> None:
    assert len(PATHS) > 30


@pytest.mark.parametrize("path", PATHS)
def test_a_file_that_the_page_names_exists(path: str) -> None:
    assert (PROJECT / path).exists()


@pytest.mark.parametrize("name", re.findall(r"`([A-Z][A-Z_]+)`(?: in | of )`", PAGE) or ["none"])
def test_a_table_that_the_page_names_exists(name: str) -> None:
    files = [path for path in PATHS if path.endswith(".py")]
    assert any(re.search(rf"^{name}\b", (PROJECT / path).read_text(), re.MULTILINE) for path in files)


@pytest.mark.parametrize("ending", ENDINGS)
def test_real_pods_have_every_fault(ending: str) -> None:
    assert tags.FAULTS[ending]


@pytest.mark.parametrize("ending", SIMULATED)
def test_simulated_pods_have_the_faults_of_pods(ending: str) -> None:
    assert ending in repr(stages.stages())
