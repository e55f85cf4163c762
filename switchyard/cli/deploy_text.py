"""Output of `deploy`, `resume`, `abort` and `retire`, for people and as JSON."""

from collections.abc import Sequence
from typing import Any

import typer

from switchyard.cli.command_report import CommandReport, hook_line
from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.detachment import Detached
from switchyard.cli.failures import message_of
from switchyard.cli.output import console, errors, print_json
from switchyard.cli.watch_line import WatchLine
from switchyard.codes import Code
from switchyard.config.commands import stack_option, typed
from switchyard.errors import PREFIX, ExitCode, SwitchyardError
from switchyard.gates.rules.refusal import notice
from switchyard.kube.clock import to_text
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Observation
from switchyard.release.record.hook import HookRecord
from switchyard.release.record.lease_holder import Holder
from switchyard.release.record.release_record import PhaseRecord, ReleaseRecord
from switchyard.release.record.standing import baked_until, held_after
from switchyard.release.watch.verdict import Verdict

VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""


IN_DOUBT = (
    "Its switch is in doubt: this is not a success yet, and the old colour is not retired until every node follows:"
)
"""Prefix of the message about a successful release whose switch not every node was seen to follow."""


class DeployReport(CommandReport):
    """Prints what a command plans and does.

    Args:
        request: what the operator has typed.
        stack: name of the stack.
        described: the kubeconfig and its context in words.
        watches: the line with the present verdict.
        prefix: beginning of each line about the progress.
    """

    def __init__(
        self,
        request: DeployRequest,
        stack: str,
        described: str,
        watches: WatchLine | None = None,
        prefix: str = "  ",
    ) -> None:
        super().__init__(stack, described)
        self._request = request
        self._watches = watches or WatchLine()
        self._prefix = prefix

    def warn(self, line: str) -> None:
        """Reports a warning on standard error, which is free of the document."""
        self._watches.clear()
        errors.print(line)

    def failed(self, error: SwitchyardError) -> None:
        """Reports an error that does not end the command."""
        self._watches.clear()
        errors.print(message_of(error))

    def confirmed(self, observation: Observation) -> bool:
        """Shows what will happen, and asks for confirmation."""
        self.tell_plan(observation)
        if typer.confirm(f"{self._request.act.value.capitalize()}?", err=True):
            return True
        console.print(f"Nothing was changed. {observation.what_serves}", markup=False)
        return False

    def tell_plan(self, observation: Observation) -> None:
        """Prints what serves now, and what will serve."""
        request, serving = self._request, observation.colours[observation.serving]
        where = f"in namespace {observation.settings.namespace} of stack {self._stack} ({self._described})"
        console.print(f"{request.service} {where}\n  serves now   {serving}", markup=False)
        if request.act is Act.DEPLOY:
            console.print(f"  after this   {serving.colour.other} {request.tag}, {serving.wanted} pods", markup=False)

    def tick(self, verdict: Verdict) -> None:
        """Shows the present verdict on a terminal, in one line that each reading overwrites."""
        if not self._request.as_json:
            self._watches.show(self._request.service, verdict)

    def phase_ended(self, phase: PhaseRecord, receipt: Sequence[str] = ()) -> None:
        """Prints one line for a phase that has ended, with its duration. Longer details follow at the end.

        Args:
            phase: the phase.
            receipt: lines of the receipt of the switch, which follow the line of the drain.
        """
        self._watches.clear()
        if phase.phase is Phase.WATCH:
            self._watches.end(self._request.service)
        if self._request.as_json:
            return
        detail, *_ = (phase.detail or "").splitlines() or [""]
        seconds = "" if phase.seconds is None else f"{phase.seconds:.0f} s"
        line = f"{self._prefix}{phase.phase:<9} {phase.outcome:<9} {seconds:>6}  {detail}"
        console.print(line.rstrip(), markup=False)
        for line in receipt:
            console.print(f"{self._prefix}  {line}", markup=False)

    def detached(self, process: Detached) -> None:
        """Reports the background process: how to follow it, and how to end it."""
        request, on = self._request, stack_option(self._request.stack)
        host = Holder("").host
        if request.as_json:
            [release] = process.releases.values()
            at = {"process": process.process, "host": host, "log": str(process.log), "release": release}
            head = {"version": VERSION, "detached": True, "command": request.act.value, "stack": self._stack}
            print_json({**head, "service": request.service, **at})
            return
        act = f"the {request.act} of {request.tag}" if request.tag else f"the {request.act}"
        console.print(
            f"{request.service}: {act} continues without this terminal, in process {process.process} on {host}\n"
            f"  log       {process.log}\n"
            f"  follow    switchyard status --watch{on}\n"
            f"  end       switchyard abort {request.service}{on}",
            markup=False,
        )

    def hook_ended(self, hook: HookRecord) -> None:
        """Prints one line for a hook that has ended."""
        self._watches.clear()
        if not self._request.as_json:
            console.print(f"{self._prefix}{hook_line(hook)}", markup=False)

    def end(self, record: ReleaseRecord, observation: Observation | None, bake_seconds: int) -> ExitCode:
        """Reports the phase of the release, what serves and the next command. Returns the exit code."""
        code = exit_code(record, self._request)
        if self._request.as_json:
            print_json(self.document(record, observation, code))
            return code
        self.tell_end(code, record, observation, bake_seconds)
        return code

    def document(self, record: ReleaseRecord, observation: Observation | None, code: ExitCode) -> dict[str, Any]:
        """The document that `--json` prints. Scripts rely on its keys."""
        head = {"version": VERSION, "command": self._request.act.value, "stack": self._stack}
        return {**head, **record.to_json(), "serving": serving_version(observation), "exitCode": code.value}

    def tell_end(
        self, code: ExitCode, record: ReleaseRecord, observation: Observation | None, bake_seconds: int
    ) -> None:
        """Prints the phase of the release, what serves and the next command."""
        reached = not _reached(record, self._request)
        ending = _good_ending(record, bake_seconds) if reached else _bad_ending(record)
        doubt = f"{IN_DOUBT} {record.doubt}" if reached and record.running and record.doubt else ""
        (errors.print if code else console.print)(
            f"{ending} {what_serves(observation)} {_next(record, self._request.stack)}\n{doubt}".rstrip(), markup=False
        )


def what_serves(observation: Observation | None) -> str:
    """A sentence about the version that serves. Without an observation it names the command that shows it."""
    if observation is None:
        return f"What serves now cannot be read; as soon as the API server answers: {typed('switchyard status')}."
    return observation.what_serves


def serving_version(observation: Observation | None) -> dict[str, Any] | None:
    """Colour and tag of the version that serves, for a document; None if it cannot be read now."""
    if observation is None:
        return None
    serving = observation.colours[observation.serving]
    return {"colour": serving.colour.value, "tag": serving.tag}


def exit_code(record: ReleaseRecord, request: DeployRequest) -> ExitCode:
    """The exit code of a command, by the record of its release.

    A version that serves while a node is not seen to follow is not a success, so scripts get 1. The same applies to the
    old version after an abort.
    """
    serves = record.running or record.result is Result.ROLLED_BACK
    return ExitCode.FAILED if serves and record.doubt is not None else _reached(record, request)


def _reached(record: ReleaseRecord, request: DeployRequest) -> ExitCode:
    """The exit code without regard to nodes that do not follow the switch."""
    if record.held:
        return ExitCode.OK if record.detail == held_after(request.hold_after) else ExitCode.FAILED
    is_aborted = (
        request.act is Act.ABORT and not record.running and f"({Code.ABORT_INCOMPLETE})" not in str(record.detail)
    )
    bakes = record.running and record.phase is Phase.BAKE
    return ExitCode.OK if is_aborted or bakes or record.result is Result.SUCCEEDED else ExitCode.FAILED


def _good_ending(record: ReleaseRecord, bake_seconds: int) -> str:
    """The sentence about a release that ended as the operator asked."""
    key, version = record.service, f"{record.tag} in {record.target}"
    if record.held:
        return f"{key}: the release of {version} waits in phase {record.phase}, {record.detail}."
    if record.running:
        until = baked_until(record, bake_seconds)
        return f"{key}: {version} has passed. It bakes until {to_text(until) if until else 'its time is over'}."
    if record.result is Result.SUCCEEDED:
        return f"{key}: {version} is released, and {record.source} is retired."
    return f"{key}: the release of {version} was reverted: {_sentence(record.detail)}."


def _bad_ending(record: ReleaseRecord) -> str:
    """The sentence about a release that did not end as the operator asked."""
    version, phase = f"{record.tag} in {record.target}", f"in phase {record.phase}"
    condition = {
        Result.RUNNING: f"is held {phase}" if record.held else f"is not finished {phase}",
        Result.ROLLED_BACK: "was rolled back",
        Result.REFUSED: "was refused",
        Result.FAILED: "has failed",
    }[record.result]
    text = f"the release of {version} {condition}: {_sentence(record.detail)}"
    code = Code.RELEASE_HELD if record.running else Code.RELEASE_ENDED_BADLY
    # The reason may have a code of its own, which says more.
    return f"{record.service}: {text}." if f"({PREFIX}" in text else notice(code, record.service, text)


def _sentence(detail: str | None) -> str:
    return (detail or "no reason is recorded").strip().removesuffix(".")


def _next(record: ReleaseRecord, stack: str | None) -> str:
    """The line with the next command."""
    on = stack_option(stack)
    key = record.service
    if not record.running:
        if record.result is Result.SUCCEEDED:
            return ""
        pairs = " ".join(f"{name}=TAG" for name in record.together)
        again = f"{pairs} --together" if pairs else f"{key} TAG"
        return f"Next: repair it, and switchyard deploy {again}{on}; see switchyard history {key}{on}"
    if record.phase is Phase.BAKE and not record.held:
        back = f"{' '.join(record.together)} --together" if record.together else key
        return (
            f"Next: switchyard retire {key}{on} (now), or switchyard retire --due{on} --yes (from a schedule). To go "
            f"back: switchyard rollback {back}{on}"
        )
    if record.irreversible is not None:
        return f"Next: switchyard resume {key}{on} (continues)"
    if record.has_failed_watch:  # which a resume reverts as well
        return f"Next: switchyard abort {key}{on} (reverts it)"
    return f"Next: switchyard resume {key}{on} (continues), or switchyard abort {key}{on} (reverts it)"
