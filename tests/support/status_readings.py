"""Readings of `switchyard status --watch`, with the services and the settings that they are of."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from switchyard.cli.service_status import ServiceStatus, TrackStatus
from switchyard.cli.status_display import rendered
from switchyard.cli.status_watch import StatusReading
from switchyard.config.errors import Problem
from switchyard.config.models.releases import Freeze, Releases
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import ServiceName
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.errors import SwitchyardError, UnreachableError
from switchyard.kube.images import Running
from switchyard.release.phases import Phase
from switchyard.release.record.latest import LatestRelease
from switchyard.release.record.lease_holder import Held
from tests.support.release_records import START, record

FREEZE = Freeze.model_validate(
    {"reason": "holidays", "by": "ada", "from": "2026-12-24T00:00:00Z", "until": "2026-12-27T00:00:00Z"}
)

PROBLEM = Problem("switchyard:services.web.port", "0", "must be a port", "Correct it.")

AWAY = UnreachableError("no answer from https://127.0.0.1:6443")
HELD = Held("ada@laptop/4711/n", "deploy", "watch", START, START, timedelta(seconds=15), {}, detached=True)


def track(tag: str, ready: int) -> TrackStatus:
    image = f"org/backend:{tag}"
    return TrackStatus(image, 3, ready, (Running(image, None, 3, ready),))


def status(serving: Track = Track.BLUE, green: int = 3, release: LatestRelease | None = None) -> ServiceStatus:
    return ServiceStatus(
        name=ServiceName("backend", "backend"),
        namespace="default",
        engine=SwitchEngine.SELECTOR,
        configured=Track.BLUE,
        serving=serving,
        tracks={Track.BLUE: track("v1", 3), Track.GREEN: track("v2", green)},
        node_port=30080,
        simulated=False,
        release=release,
    )


def look(
    seconds: int = 0, *services: ServiceStatus, error: SwitchyardError | None = None, problems: tuple[Problem, ...] = ()
) -> StatusReading:
    at = START + timedelta(seconds=seconds)
    return StatusReading(at, services, START if error else at, error, problems)


def settings_of(*problems: Problem, services: Any = None, freezes: tuple[Freeze, ...] = ()) -> Any:
    """The settings of a stack, with errors in those of services that are left out."""
    values = {"services": services or {}, "releases": Releases(freeze=freezes), "ignored": problems}
    return type("Settings", (), values)()


RELEASING = LatestRelease(
    record(held=False)
    .entering(Phase.PROVE, START)
    .leaving("passed", START + timedelta(seconds=2), "3 pods ready, gates passed")
    .entering(Phase.WATCH, START + timedelta(seconds=2)),
    attended=True,
    holder=HELD,
)


class FakeAccess:
    """The access to a cluster whose clock stands still."""

    async def api(self) -> Any:
        return self

    async def date(self) -> datetime:
        return datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def displayed(shown: StatusReading) -> str:
    console = Console(width=160, file=open(os.devnull, "w"), record=True)  # noqa: SIM115 - closed with the process
    console.print(rendered("test", shown))
    return console.export_text()
