"""Output of `switchyard switch` and `switchyard rollback`, for people and as JSON."""

from typing import Any

import typer

from switchyard.cli.command_report import CollectedReport, hook_line
from switchyard.cli.output import console, errors, print_json
from switchyard.cli.release_request import ReleaseRequest
from switchyard.config.commands import stack_option, typed
from switchyard.errors import ExitCode
from switchyard.release.engine.convergence import Convergence
from switchyard.release.engine.convergence_text import not_converged
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.receipt.receipt import Receipt, first_lines, later_lines
from switchyard.release.receipt.warnings import doubt, is_in_doubt, not_seen
from switchyard.release.record.hook import HookRecord
from switchyard.release.refusals import command
from switchyard.release.switch.protocol import SwitchOutcome

VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""


class FastLaneReport(CollectedReport):
    """Prints what a command plans and does.

    Args:
        request: what the operator has typed.
        stack: name of the stack.
        described: the kubeconfig and its context in words.
    """

    def __init__(self, request: ReleaseRequest, stack: str, described: str) -> None:
        super().__init__(stack, described, as_json=request.as_json)
        self._request = request

    def confirmed(self, plan: Plan) -> bool:
        """Shows the plan, and asks for confirmation."""
        for line in planned(plan, self._stack, self._described):
            console.print(line, markup=False)
        for line in plan.warnings:
            errors.print(line)
        if typer.confirm(f"{plan.act.value.capitalize()}?", err=True):
            return True
        console.print(f"Nothing was changed. {plan.observation.what_serves}", markup=False)
        return False

    def served(self, plan: Plan, receipt: Receipt) -> None:
        """Reports the switch itself, before configuration and state follow."""
        if self._request.yes:
            for line in plan.warnings:
                self.warn(line)
        if self._request.as_json:
            return
        print_served(plan, receipt)

    def hook_ended(self, hook: HookRecord) -> None:
        """Prints one line for a hook that has ended."""
        if not self._request.as_json:
            console.print(f"  {hook_line(hook)}", markup=False)

    def end(self, plan: Plan, outcome: SwitchOutcome) -> None:
        """Reports the rest of the receipt, configuration and state, and what to type next.

        Raises:
            typer.Exit: a node was seen not to follow, or should have been seen to follow and was not.
        """
        problem = self._problem(plan, outcome.convergence)
        if (line := doubt(plan, outcome.receipt) or not_seen(plan, outcome.receipt)) is not None:
            self.warn(line)
        if self._request.as_json:
            print_json(document(plan, outcome, self._stack, problem, self._warnings))
        else:
            self._print_end(plan, outcome, problem)
        if is_in_doubt(plan, outcome.receipt):
            raise typer.Exit(ExitCode.FAILED)

    def _print_end(self, plan: Plan, outcome: SwitchOutcome, problem: str | None) -> None:
        for line in later_lines(outcome.receipt):
            console.print(f"  {line}", markup=False)
        if problem is not None:
            errors.print(problem)
        else:
            console.print(f"  {converged(outcome.convergence)}", markup=False)
        console.print(f"Next: {_next(plan, self._request.stack)}", markup=False)

    def _problem(self, plan: Plan, convergence: Convergence) -> str | None:
        if convergence.problem is None:
            return None
        config = convergence.config
        return not_converged(plan.observation.name, plan.target, self._stack, convergence.problem, config=config)


def print_served(plan: Plan, receipt: Receipt) -> None:
    """Reports the version that serves after a switch of one service, and the receipt of the switch."""
    before = f" (before: {plan.source.colour} {plan.source.tag})" if plan.patch else ""
    done = f"{plan.target} serves {plan.to_tag}{before}"
    if is_in_doubt(plan, receipt):
        but = "but not every node follows" if receipt.behind else "and whether every node follows is not known"
        if receipt.balancer is not None and receipt.balancer.follows is False:
            but = "but the load balancer does not follow"
        done = f"the Service selects {plan.target} {plan.to_tag}{before}, {but}"
    console.print(f"{plan.observation.name.key}: {done}", markup=False)
    for line in first_lines(receipt):
        console.print(f"  {line}", markup=False)


def planned(plan: Plan, stack: str, described: str) -> list[str]:
    """The plan of a command, as lines for people."""
    observation = plan.observation
    where = f"in namespace {observation.settings.namespace} of stack {stack} ({described})"
    rows = [f"{observation.name.key} {where}", f"  serves now   {plan.source}"]
    if not plan.patch:
        return [*rows, "  after this   the same; configuration and state follow"]
    if plan.warm_tag is not None:
        seconds = observation.settings.ready_timeout_seconds
        rows.append(
            f"  first        warms {plan.warm_tag} in {plan.target} with {plan.source.wanted} pods, {seconds} s at most"
        )
        return [*rows, f"  after this   {plan.target} {plan.warm_tag}"]
    return [*rows, f"  after this   {plan.to}"]


def document(
    plan: Plan, outcome: SwitchOutcome, stack: str, problem: str | None, warnings: list[str]
) -> dict[str, Any]:
    """The document that `--json` prints. Scripts rely on its keys."""
    convergence = outcome.convergence
    return {
        "version": VERSION,
        "command": plan.act.value,
        "stack": stack,
        "service": plan.observation.name.key,
        "name": str(plan.observation.name),
        "namespace": plan.observation.settings.namespace,
        "from": _side(plan.source),
        "to": {"colour": plan.target.value, "tag": plan.to_tag},
        "serving": plan.target.value,
        "changed": plan.patch,
        "warmed": plan.warm_tag is not None,
        "receipt": outcome.receipt.to_json(),
        "config": convergence.config,
        "state": convergence.state,
        "problem": problem,
        "waiting": [{"name": step.name, "op": step.op} for step in convergence.waiting],
        "warnings": warnings,
        "exitCode": int(ExitCode.FAILED if is_in_doubt(plan, outcome.receipt) else ExitCode.OK),
    }


def _side(state: ColourState) -> dict[str, Any]:
    return {"colour": state.colour.value, "tag": state.tag}


def converged(convergence: Convergence) -> str:
    """The line which says that configuration and state are updated, with other waiting changes."""
    if not convergence.waiting:
        return "converged     configuration and state are updated: the next preview is empty"
    changes = ", ".join(f"{step.name} ({step.op})" for step in convergence.waiting)
    update = typed("pulumi up")
    return f"converged     configuration and state are updated; other changes wait for `{update}`: {changes}"


def _next(plan: Plan, stack: str | None) -> str:
    name, status = plan.observation.name, f"switchyard status{stack_option(stack)}"
    if not plan.patch:
        return status
    if plan.act is Act.ROLLBACK:
        again = command(Act.SWITCH, name, plan.target.other, stack)
        return f"{status}; to switch again once it is repaired: {again}"
    return f"{status}; to go back: {command(Act.ROLLBACK, name, stack=stack)}"
