"""Output of `switchyard drill`, for people and as JSON."""

from collections.abc import Iterator
from typing import Any

import typer

from switchyard.cli.command_report import CollectedReport
from switchyard.cli.drill_request import DrillRequest
from switchyard.cli.output import console, errors, print_json
from switchyard.config.commands import stack_option
from switchyard.errors import ExitCode
from switchyard.release.drill.drill import DrillOutcome, DrillPlan
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.receipt.receipt import Receipt, lines
from switchyard.release.receipt.warnings import doubt, is_in_doubt, not_seen
from switchyard.release.report.events import last_bad

VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""


class DrillReport(CollectedReport):
    """Prints what a drill plans and does.

    Args:
        request: what the operator has typed.
        stack: name of the stack.
        described: the kubeconfig and its context in words.
    """

    def __init__(self, request: DrillRequest, stack: str, described: str) -> None:
        super().__init__(stack, described, as_json=request.as_json)
        self._request = request

    def confirmed(self, plan: DrillPlan) -> bool:
        """Shows what users will get, and asks for confirmation."""
        for line in planned(plan, self._stack, self._described):
            console.print(line, markup=False)
        if typer.confirm("Drill?", err=True):
            return True
        console.print(f"Nothing was changed. {plan.observation.what_serves}", markup=False)
        return False

    def end(self, plan: DrillPlan, outcome: DrillOutcome) -> ExitCode:
        """Reports both receipts and the time of the rollback, and what to type next."""
        problem, is_proved = _problem(plan, outcome), self._warn_of_missing_observations(plan, outcome)
        is_done = problem is None or plan.unfinished is not None
        code = ExitCode.OK if is_done and is_proved else ExitCode.FAILED
        if self._request.as_json:
            print_json(document(plan, outcome, self._stack, problem, self._warnings, code))
            return code
        for line in _passages(plan, outcome):
            console.print(line, markup=False)
        if problem is not None:
            errors.print(f"{plan.observation.name.key}: {problem}")
        on = stack_option(self._request.stack)
        console.print(f"Next: switchyard report {plan.observation.name.key}{on}", markup=False)
        return code

    def _warn_of_missing_observations(self, plan: DrillPlan, outcome: DrillOutcome) -> bool:
        """Warns of what could not be observed of both switches. Returns True if no node is in doubt."""
        switches = [
            (Plan(act, plan.observation, side.colour), receipt)
            for act, side, receipt in (
                (Act.SWITCH, plan.target, outcome.out),
                (Act.ROLLBACK, plan.source, outcome.back),
            )
            if receipt is not None
        ]
        for switch, receipt in switches:
            if (line := doubt(switch, receipt) or not_seen(switch, receipt)) is not None:
                self.warn(line)
        return not any(is_in_doubt(switch, receipt) for switch, receipt in switches)


def planned(plan: DrillPlan, stack: str, described: str) -> list[str]:
    """The plan of a drill, as lines about what users get."""
    observation, source, target = plan.observation, plan.source, plan.target
    where = f"in namespace {observation.settings.namespace} of stack {stack} ({described})"
    rows = [f"{observation.name.key} {where}", f"  serves now   {observation.colours[observation.serving]}"]
    if plan.unfinished is not None and not plan.goes_back_only:
        return [*rows, "  after this   the same; the record of a drill that was interrupted is ended"]
    if plan.goes_back_only:
        return [*rows, f"  after this   {source}, as before the interrupted drill"]
    return [
        *rows,
        f"  then         all users get {target.colour} {target.tag} for a while: {target}",
        f"  after this   {source.colour} {source.tag} again; configuration and state stay as they are",
    ]


def document(
    plan: DrillPlan, outcome: DrillOutcome, stack: str, problem: str | None, warnings: list[str], code: ExitCode
) -> dict[str, Any]:
    """The document that `--json` prints. Scripts rely on its keys."""
    return {
        "version": VERSION,
        "command": "drill",
        "stack": stack,
        "service": plan.observation.name.key,
        "name": str(plan.observation.name),
        "namespace": plan.observation.settings.namespace,
        "from": _side(plan.source),
        "to": _side(plan.target),
        "serving": plan.source.colour.value,
        "finishedEarlier": plan.unfinished is not None,
        "out": None if outcome.out is None else outcome.out.to_json(),
        "back": None if outcome.back is None else outcome.back.to_json(),
        "rollback": times(outcome.back),
        "problem": problem,
        "warnings": warnings,
        "exitCode": int(code),
    }


def times(back: Receipt | None) -> dict[str, float | None]:
    """The times of a rollback in seconds since its decision; None for a time that was not observed."""
    receipt = {} if back is None else back.to_json()
    return {
        "acceptedAfter": receipt.get("patchedAfter"),
        "endpointsAfter": receipt.get("endpointsAfter"),
        "lastBadAnswerAfter": last_bad(receipt),
    }


def _problem(plan: DrillPlan, outcome: DrillOutcome) -> str | None:
    if outcome.problem is None and outcome.back is None:
        return f"{plan.source.colour} served again before the rollback: somebody else has switched"
    return outcome.problem


def _passages(plan: DrillPlan, outcome: DrillOutcome) -> Iterator[str]:
    source, target = (f"{side.colour} {side.tag or ''}".rstrip() for side in (plan.source, plan.target))
    key = plan.observation.name.key
    if outcome.out is not None:
        yield f"{key}: {target} served (before: {source})"
        yield from (f"  {line}" for line in lines(outcome.out))
    yield f"{key}: {source} serves, as before the drill"
    if outcome.back is None:
        return
    yield from (f"  {line}" for line in lines(outcome.back))
    parts = times(outcome.back)
    last, version = _seconds(parts["lastBadAnswerAfter"]), plan.target.tag or target
    yield (
        f"Rollback time from the decision: selector accepted after {_seconds(parts['acceptedAfter'])}, endpoints of "
        f"{source} after {_seconds(parts['endpointsAfter'])}, last answer of {version} after {last}"
    )


def _seconds(value: float | None) -> str:
    return "a time that was not seen" if value is None else f"{value:.2f} s"


def _side(state: ColourState) -> dict[str, Any]:
    return {"colour": state.colour.value, "tag": state.tag}
