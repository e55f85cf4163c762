"""What `deploy`, `resume`, `abort` and `retire` print, for people and as JSON."""

from typing import Any

import typer

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.failures import message_of
from switchyard.cli.output import console, errors, print_json
from switchyard.codes import Code
from switchyard.errors import ExitCode, SwitchyardError
from switchyard.gates.rules.refusal import notice
from switchyard.kube.clock import to_text
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Observation
from switchyard.release.record import PhaseRecord, ReleaseRecord
from switchyard.release.standing import baked_until
from switchyard.release.verdict import Verdict

VERSION = 1
"""Version of the JSON form. It changes when a name is taken away or gets another meaning."""


class DeployReport:
    """Prints what a command plans and does.

    Args:
        request: what the operator has typed.
        stack: name of the stack.
        described: the kubeconfig and its context in words.
    """

    def __init__(self, request: DeployRequest, stack: str, described: str) -> None:
        self._request = request
        self._stack = stack
        self._described = described

    def warn(self, line: str) -> None:
        """Reports a warning on standard error, which is free of the document."""
        errors.print(line)

    def failed(self, error: SwitchyardError) -> None:
        """Reports an error that does not end the command."""
        errors.print(message_of(error))

    def state_unreachable(self, why: str) -> None:
        """Reports that the state cannot be read, which does not stop a command."""
        self.warn(f"The state of stack {self._stack} cannot be read, and the command goes on without it: {why}")

    def confirmed(self, observation: Observation) -> bool:
        """Shows what will happen, and asks whether it is to."""
        request, serving = self._request, observation.colours[observation.serving]
        where = f"in namespace {observation.settings.namespace} of stack {self._stack} ({self._described})"
        console.print(f"{request.service} {where}\n  serves now   {serving}", markup=False)
        if request.act is Act.DEPLOY:
            console.print(f"  after this   {serving.colour.other} {request.tag}, {serving.wanted} pods", markup=False)
        if typer.confirm(f"{request.act.value.capitalize()}?", err=True):
            return True
        console.print(f"Nothing was changed. {observation.what_serves}", markup=False)
        return False

    def tick(self, verdict: Verdict) -> None:
        """Shows how the watch stands, on a terminal, in one line that is written over."""
        if console.is_terminal and not self._request.as_json:
            counted = f"{verdict.requests} requests, {verdict.failed} failed"
            console.print(f"  watch     {verdict.seconds:.0f} s, {counted}   ", markup=False, end="\r")

    def phase_ended(self, phase: PhaseRecord) -> None:
        """One line for the end of a phase, with its time."""
        if self._request.as_json:
            return
        seconds = "" if phase.seconds is None else f"{phase.seconds:.0f} s"
        line = f"  {phase.phase:<9} {phase.outcome:<9} {seconds:>6}  {phase.detail or ''}"
        console.print(line.rstrip(), markup=False)

    def nothing_due(self) -> None:
        """Reports that no release has baked long enough."""
        if self._request.as_json:
            print_json({"version": VERSION, "due": []})
        else:
            console.print("No release has baked long enough to be retired. Nothing was changed.", markup=False)

    def end(self, record: ReleaseRecord, observation: Observation, bake_seconds: int) -> ExitCode:
        """Reports where the release is, what serves and what to type next. Returns the exit code."""
        code = _exit_code(record, self._request.act)
        if self._request.as_json:
            print_json(document(record))
            return code
        serves = observation.what_serves
        text = f"{_ending(record, bake_seconds)} {serves} {_next(record)}".rstrip()
        if code:
            errors.print(text)
        else:
            console.print(text, markup=False)
        return code


def document(record: ReleaseRecord) -> dict[str, Any]:
    """What `--json` prints. Scripts rely on these names."""
    return {"version": VERSION, **record.to_json()}


def _exit_code(record: ReleaseRecord, act: Act) -> ExitCode:
    if act is Act.ABORT and not record.running:
        return ExitCode.OK
    if record.result is Result.SUCCEEDED or (record.running and record.phase is Phase.BAKE and not record.held):
        return ExitCode.OK
    return ExitCode.FAILED


def _ending(record: ReleaseRecord, bake_seconds: int) -> str:
    """What happened, in a sentence or two."""
    key, version = record.service, f"{record.tag} in {record.target}"
    if record.running:
        if record.phase is Phase.BAKE and not record.held:
            until = baked_until(record, bake_seconds)
            return f"{key}: {version} has passed. It bakes until {to_text(until) if until else 'its time is over'}."
        condition = "is held" if record.held else "is not finished"
        return notice(
            Code.RELEASE_HELD,
            key,
            f"the release of {version} {condition} in phase {record.phase}: {_sentence(record.detail)}",
            "",
        ).rstrip()
    if record.result is Result.SUCCEEDED:
        return f"{key}: {version} is released, and {record.source} is retired."
    result = {
        Result.ROLLED_BACK: "was rolled back",
        Result.REFUSED: "was refused",
        Result.FAILED: "has failed",
    }[record.result]
    return notice(
        Code.RELEASE_ENDED_BADLY, key, f"the release of {version} {result}: {_sentence(record.detail)}", ""
    ).rstrip()


def _sentence(detail: str | None) -> str:
    return (detail or "no reason was written").strip().removesuffix(".")


def _next(record: ReleaseRecord) -> str:
    """What to type next."""
    key = record.service
    if not record.running:
        if record.result is Result.SUCCEEDED:
            return ""
        return f"Next: repair it, and switchyard deploy {key} with another tag; switchyard history {key}"
    if record.phase is Phase.BAKE and not record.held:
        return (
            f"Next: switchyard retire {key} (now), or switchyard retire --due (from a schedule). To go back: "
            f"switchyard rollback {key}"
        )
    return f"Next: switchyard resume {key} (goes on), or switchyard abort {key} (goes back)"
