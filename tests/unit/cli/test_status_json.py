"""The keys of `switchyard status --json`, as the runbook lists them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from devtools.toolchain.paths import PROJECT
from switchyard.cli.service_status import ServiceStatus, TrackStatus
from switchyard.cli.status_json import document
from switchyard.codes import Code
from switchyard.config.errors import Problem
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import ServiceName
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.gates.rules.windows import OpenWindow
from switchyard.kube.images import Running
from switchyard.release.record.latest import LatestRelease
from switchyard.release.record.lease_holder import Held
from tests.support.release_records import record

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)

HOLDER = Held("ada@laptop/4711/n", "deploy", "watch", NOW, NOW, timedelta(seconds=15), {})

COMPLETE = ServiceStatus(
    name=ServiceName("backend", "backend"),
    namespace="default",
    engine=SwitchEngine.ALB_WEIGHTS,
    configured=Track.BLUE,
    serving=Track.BLUE,
    tracks={Track.BLUE: TrackStatus("org/backend:v1", 1, 1, (Running("org/backend:v1", "sha256:1", 1, 1),))},
    node_port=30080,
    simulated=False,
    ingress_targets=frozenset({"backend-blue"}),
    notes=("A note.",),
    release=LatestRelease(record(), attended=True, holder=HOLDER),
    frozen=OpenWindow("Black Friday", "checkout team", NOW),
)
"""A status in which nothing is null."""


def documented_keys() -> list[str]:
    """The keys in the table of the runbook, which stands before its section on exit codes."""
    page = (PROJECT / "docs" / "runbook.md").read_text()
    table = page.split("`switchyard status --json` is for scripts.")[1].split("\n### ")[0]
    cells = re.findall(r"^\| (`.*?`) \| ", table, re.MULTILINE)
    return [key for cell in cells for key in re.findall(r"`([^`]+)`", cell)]


def keys(value: Any, path: str = "") -> Iterator[str]:
    """The path of each value in a document that contains no others. Each track is called TRACK."""
    if isinstance(value, list):
        for item in value:
            yield from keys(item, f"{path}[]")
    elif isinstance(value, dict):
        for key, item in value.items():
            name = "TRACK" if path.endswith(".tracks") else key
            yield from keys(item, f"{path}.{name}" if path else name)
    else:
        yield path


def test_the_runbook_lists_the_keys_of_status() -> None:
    problem = Problem("switchyard:services.api.active", "purple", "allowed: blue, green", "Set it.", Code.WRONG_VALUE)
    rendered = document("test", [COMPLETE], "no rule", [problem])
    documented = documented_keys()
    assert len(documented) == len(set(documented))
    assert set(documented) == set(keys(rendered))
