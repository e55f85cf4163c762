"""What the commands say and do while releases are frozen."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from switchyard.cli.history_table import print_history
from switchyard.cli.service_status import ServiceStatus, _with_windows
from switchyard.cli.status_changes import described
from switchyard.cli.status_json import document
from switchyard.cli.status_table import print_status
from switchyard.config.models.releases import Freeze
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import ServiceName
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.gates.rules.windows import OpenWindow
from switchyard.release.phases import Phase
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.api_server import FakeApiServer
from tests.support.fake_release import release
from tests.unit.cli.test_deploy import BACKEND, Run, refused, run, server, typed

__all__ = ["run", "server"]

BAKED = release(source="green", target="blue").entering(Phase.BAKE, datetime(2020, 1, 31, tzinfo=UTC))
"""A release whose new version serves, and whose bake is over."""
FROZEN = {"reason": "holidays", "by": "ada", "from": "2020-01-01T00:00:00Z", "until": "2090-01-01T00:00:00Z"}
WINDOW = OpenWindow("holidays", "ada", datetime(2090, 1, 1, tzinfo=UTC))
STATUS = ServiceStatus(
    name=ServiceName("backend", "backend"),
    namespace="default",
    engine=SwitchEngine.SELECTOR,
    configured=Track.BLUE,
    serving=Track.BLUE,
    tracks={},
    node_port=30080,
    simulated=False,
    frozen=WINDOW,
)


@pytest.mark.parametrize(
    ("act", "current"),
    [
        ("deploy", None),
        ("retire", BAKED),
        ("resume", BAKED),
        ("resume", release(phase=Phase.PROVE, held=True)),
    ],
)
def test_what_a_freeze_stops_says_who_froze_and_how_to_go_through(
    run: Run, server: FakeApiServer, act: str, current: ReleaseRecord | None
) -> None:
    message = refused(run(*typed(act), "--yes", "--json", current=current, freeze=FROZEN), server, 1, "SY-P100")
    assert "releases are frozen: holidays (by ada), until 2090-01-01T00:00:00Z" in message
    assert f'switchyard {" ".join(typed(act))} --stack test --override "REASON"' in message
    assert "A rollback is never refused" in message


def test_the_command_that_overrides_a_freeze_keeps_the_other_options(run: Run, server: FakeApiServer) -> None:
    words = ("deploy", "backend", "v3", "--reason", "a fix", "--hold-after", "prove", "--hotfix")
    message = refused(run(*words, "--yes", "--json", freeze=FROZEN), server, 1, "SY-P100")
    again = "switchyard deploy backend v3 --stack test --reason 'a fix' --hold-after prove --hotfix"
    assert f'{again} --override "REASON"' in message


def test_a_freeze_of_another_service_does_not_matter(run: Run, server: FakeApiServer) -> None:
    services = {"backend": BACKEND, "worker": BACKEND | {"nodePort": 30081}}
    result = run(
        "deploy", "backend", "v1", "--yes", "--json", services=services, freeze=FROZEN | {"services": ["worker"]}
    )
    refused(result, server, 1, "SY-P061")


def test_what_is_due_in_a_freeze_is_left_with_a_line(run: Run, server: FakeApiServer) -> None:
    result = run("retire", "--due", "--yes", current=BAKED, freeze=FROZEN)
    assert result.exit_code == 0, result.output
    assert "backend: is not retired: releases are frozen: holidays (by ada)" in " ".join(result.output.split())
    assert "(SY-P101)" in result.output
    assert {verb for verb, _ in server.asked} == {"GET"}


def test_status_shows_an_open_freeze_and_null_without_one(capfd: pytest.CaptureFixture[str]) -> None:
    [service] = document("test", [STATUS])["services"]
    assert service["frozen"] == {"reason": "holidays", "by": "ada", "until": "2090-01-01T00:00:00Z"}
    [service] = document("test", [replace(STATUS, frozen=None)])["services"]
    assert service["frozen"] is None
    assert "releases are frozen: holidays (by ada), until 2090-01-01T00:00:00Z" in described(STATUS)
    print_status("test", [STATUS], None)
    assert "backend: releases are frozen: holidays (by ada)" in " ".join(capfd.readouterr().out.split())


@pytest.mark.parametrize(
    ("engine", "track", "window"),
    [
        (SwitchEngine.SELECTOR, Track.BLUE, WINDOW),
        (SwitchEngine.ALB_WEIGHTS, Track.BLUE, WINDOW),
        (SwitchEngine.SELECTOR, Track.ROLLOUT, None),
    ],
)
def test_a_freeze_holds_for_every_service_in_two_colours(
    engine: SwitchEngine, track: Track, window: OpenWindow | None
) -> None:
    class Api:
        """An API server with a clock."""

        async def date(self) -> datetime:
            return datetime(2030, 1, 1, tzinfo=UTC)

    class Cluster:
        """A cluster with this API server."""

        api = Api()

    cluster: Any = Cluster()
    status = replace(STATUS, engine=engine, configured=track, frozen=None)
    [now] = asyncio.run(_with_windows(cluster, [status], (Freeze.model_validate(FROZEN),)))
    assert now.frozen == window


def test_history_shows_an_override(capfd: pytest.CaptureFixture[str]) -> None:
    print_history("backend", [replace(release(), override="a fix (in the freeze: holidays)")])
    printed = capfd.readouterr().out
    assert "override" in printed
    assert "freeze" in printed
