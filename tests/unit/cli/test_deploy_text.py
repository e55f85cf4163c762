"""What `switchyard deploy`, `resume`, `abort` and `retire` print at their end, for people and as JSON."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.deploy_text import DeployReport
from switchyard.config.models.service import Colour
from switchyard.errors import ExitCode
from switchyard.release.deploy.refusals import abort_incomplete
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.fake_release import release
from tests.support.observed import observed

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
UNFINISHED = release(phase=Phase.WATCH, held=True)
BAKING = release().entering(Phase.BAKE, NOW)


def ended(written: ReleaseRecord, act: Act = Act.DEPLOY, *, as_json: bool = False) -> int:
    request = DeployRequest(act, "backend", "v2", hold_after="drain", as_json=as_json)
    return DeployReport(request, "test", "kubeconfig").end(written, observed(Colour.GREEN), 3600)


DOUBT = {"doubt": "backend: 1 of 2 nodes do not follow the switch to green (SY-P140). Restart kube-proxy there"}


@pytest.mark.parametrize(
    ("written", "act", "code", "says"),
    [
        (BAKING, Act.DEPLOY, 0, ("It bakes until 2030-01-31T13:00:00Z", "retire --due", "switchyard rollback backend")),
        (release().ending(Result.SUCCEEDED, NOW), Act.RETIRE, 0, ("is released, and blue is retired",)),
        (release().ending(Result.REFUSED, NOW, "no room"), Act.DEPLOY, 1, ("was refused: no room (SY-P067)",)),
        (release().ending(Result.ROLLED_BACK, NOW, "bad"), Act.DEPLOY, 1, ("was rolled back: bad (SY-P067)",)),
        (
            release().ending(Result.ROLLED_BACK, NOW, "500s (SY-P050)"),
            Act.DEPLOY,
            1,
            ("was rolled back: 500s (SY-P050). backend",),
        ),
        (release().ending(Result.ROLLED_BACK, NOW, "bad"), Act.ABORT, 0, ("was reverted: bad.",)),
        (
            replace(release(), receipt=DOUBT).ending(Result.ROLLED_BACK, NOW, f"aborted by ada. {DOUBT['doubt']}"),
            Act.ABORT,
            1,
            ("was reverted: aborted by ada. backend: 1 of 2 nodes do not follow", "(SY-P140)"),
        ),
        (
            release().ending(Result.FAILED, NOW, f"aborted by ada. {abort_incomplete(release(), 'error: locked')}"),
            Act.ABORT,
            1,
            ("pods of green are left as they are: error: locked (SY-P142)", "'switchyard:services.backend.green.repl"),
        ),
        (release(phase=Phase.WATCH, held=True, detail="held after drain"), Act.DEPLOY, 0, ("waits in phase watch",)),
        (
            release(phase=Phase.WATCH, held=True, detail="no request"),
            Act.DEPLOY,
            1,
            ("is held in phase watch: no request (SY-P066)", "switchyard resume", "switchyard abort"),
        ),
        (
            replace(BAKING, receipt=DOUBT),
            Act.DEPLOY,
            1,
            ("It bakes until", "this is not a success yet", "1 of 2 nodes do not follow the switch to green (SY-P140)"),
        ),
        (
            release(phase=Phase.WATCH, held=True, detail="held after drain", receipt=DOUBT),
            Act.DEPLOY,
            1,
            ("waits in phase watch", "this is not a success yet", "(SY-P140)"),
        ),
        (replace(release(), receipt=DOUBT).ending(Result.SUCCEEDED, NOW), Act.RETIRE, 0, ("and blue is retired.",)),
        (release(phase=Phase.SWITCH), Act.DEPLOY, 1, ("is not finished in phase switch", "switchyard resume")),
    ],
)
def test_the_end_says_what_happened_what_serves_and_what_to_type(
    capfd: pytest.CaptureFixture[str], written: ReleaseRecord, act: Act, code: int, says: tuple[str, ...]
) -> None:
    assert ended(written, act) == code
    printed = "".join(capfd.readouterr())
    assert all(text in printed for text in (*says, "backend serves green v2, 3 of 3 pods ready.")), printed


def test_the_document_of_a_release_in_doubt_has_the_doubt_and_the_command_ends_with_1(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert ended(replace(BAKING, receipt=DOUBT), as_json=True) == 1
    assert json.loads(capfd.readouterr().out)["receipt"] == DOUBT


@pytest.mark.parametrize(("written", "act", "code"), [(BAKING, Act.DEPLOY, 0), (UNFINISHED, Act.RESUME, 1)])
def test_the_document_is_the_record_with_the_command_what_serves_and_the_exit_code(
    capfd: pytest.CaptureFixture[str], written: ReleaseRecord, act: Act, code: int
) -> None:
    assert ended(written, act, as_json=True) == code
    assert json.loads(capfd.readouterr().out) == {
        "version": 1,
        "command": act.value,
        "stack": "test",
        **written.to_json(),
        "serving": {"colour": "green", "tag": "v2"},
        "exitCode": code,
    }


def test_the_document_has_no_serving_version_if_it_cannot_be_read() -> None:
    report = DeployReport(DeployRequest(Act.DEPLOY, "backend", "v2"), "test", "kubeconfig")
    assert report.document(BAKING, None, ExitCode.OK)["serving"] is None


def test_each_phase_ends_with_one_line_and_its_time(capfd: pytest.CaptureFixture[str]) -> None:
    left = release().entering(Phase.WARM, NOW).leaving("passed", NOW + timedelta(seconds=12), "3 of 3 pods ready")
    for as_json in (False, True):
        request = DeployRequest(Act.DEPLOY, "backend", "v2", as_json=as_json)
        DeployReport(request, "test", "kubeconfig").phase_ended(left.phases[0])
    assert capfd.readouterr().out.splitlines() == ["  warm      passed      12 s  3 of 3 pods ready"]


def test_the_receipt_follows_the_line_of_the_drain(capfd: pytest.CaptureFixture[str]) -> None:
    left = release().entering(Phase.DRAIN, NOW).leaving("passed", NOW + timedelta(seconds=4), "no connection is left")
    lines = ("selector      accepted by the API server after 0.20 s", "requests      7 counted, 0 failed")
    for as_json in (False, True):
        request = DeployRequest(Act.DEPLOY, "backend", "v2", as_json=as_json)
        DeployReport(request, "test", "kubeconfig").phase_ended(left.phases[0], lines)
    assert capfd.readouterr().out.splitlines() == [
        "  drain     passed       4 s  no connection is left",
        "    selector      accepted by the API server after 0.20 s",
        "    requests      7 counted, 0 failed",
    ]


@pytest.mark.parametrize("written", [BAKING, UNFINISHED, release().ending(Result.FAILED, NOW, "no room")])
def test_every_command_that_a_report_suggests_is_for_the_same_stack(
    written: ReleaseRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    request = DeployRequest(Act.DEPLOY, "backend", "v2", stack="production")
    DeployReport(request, "production", "kubeconfig").end(written, observed(Colour.GREEN), 3600)
    printed = capsys.readouterr()
    pattern = r"switchyard (?:deploy|resume|abort|retire|rollback|history)[^;,()\n]*"
    suggested = re.findall(pattern, printed.out + printed.err)
    assert suggested
    assert all("--stack production" in command for command in suggested), suggested
