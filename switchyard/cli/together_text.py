"""Output of `switchyard switch --together` and `rollback --together`, for people and as JSON."""

from collections.abc import Mapping
from typing import Any

import typer

from switchyard.cli.command_report import CollectedReport, hook_line
from switchyard.cli.fast_lane_text import VERSION, converged, document, planned, print_served
from switchyard.cli.output import console, errors, print_json
from switchyard.cli.together_request import TogetherRequest
from switchyard.config.commands import stack_option
from switchyard.errors import ExitCode
from switchyard.release.engine.convergence import Convergence
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.receipt import Receipt, later_lines
from switchyard.release.receipt.warnings import doubt, is_in_doubt, not_seen
from switchyard.release.record.hook import HookRecord
from switchyard.release.switch.protocol import SwitchOutcome
from switchyard.release.switch.together_refusals import not_converged_together

ITS_OWN = ("service", "name", "namespace", "from", "to", "serving", "changed", "warmed", "receipt")
"""Keys of the document of one service that each service of a group has."""

OF_ALL = ("config", "state", "problem", "waiting", "warnings")
"""Keys of that document that the group has once."""


class TogetherReport(CollectedReport):
    """Prints what a command plans and does.

    Args:
        request: what the operator has typed.
        stack: name of the stack.
        described: the kubeconfig and its context in words.
    """

    def __init__(self, request: TogetherRequest, stack: str, described: str) -> None:
        super().__init__(stack, described, as_json=request.as_json)
        self._request = request

    def confirmed(self, plans: Mapping[str, Plan]) -> bool:
        """Shows what will happen to all services, and asks for confirmation."""
        for plan in plans.values():
            for line in planned(plan, self._stack, self._described):
                console.print(line, markup=False)
            for line in plan.warnings:
                errors.print(line)
        if typer.confirm(f"{self._request.act.value.capitalize()} all of them?", err=True):
            return True
        console.print("Nothing was changed.", markup=False)
        return False

    def served(self, plans: Mapping[str, Plan], receipts: Mapping[str, Receipt]) -> None:
        """Reports the switch of each service, before configuration and state follow."""
        for key, plan in plans.items():
            if self._request.yes:
                for line in plan.warnings:
                    self.warn(line)
            if not self._request.as_json:
                print_served(plan, receipts[key])

    def hook_ended(self, hook: HookRecord) -> None:
        """Prints one line for a hook that has ended."""
        if not self._request.as_json:
            console.print(f"  {hook_line(hook)}", markup=False)

    def end(self, plans: Mapping[str, Plan], outcomes: Mapping[str, SwitchOutcome]) -> None:
        """Reports the rest of the receipts, configuration and state, and the next command.

        Raises:
            typer.Exit: a node was seen not to follow, or should have been seen to follow and was not.
        """
        problem = self._problem(plans, next(iter(outcomes.values())).convergence)
        for key, outcome in outcomes.items():
            plan, receipt = plans[key], outcome.receipt
            if (line := doubt(plan, receipt) or not_seen(plan, receipt)) is not None:
                self.warn(line)
        if self._request.as_json:
            print_json(document_of_all(plans, outcomes, self._stack, problem, self._warnings))
        else:
            self._print_end(plans, outcomes, problem)
        if any(is_in_doubt(plans[key], outcome.receipt) for key, outcome in outcomes.items()):
            raise typer.Exit(ExitCode.FAILED)

    def _print_end(self, plans: Mapping[str, Plan], outcomes: Mapping[str, SwitchOutcome], problem: str | None) -> None:
        convergence = next(iter(outcomes.values())).convergence
        for key, outcome in outcomes.items():
            console.print(key, *(f"  {line}" for line in later_lines(outcome.receipt)), sep="\n", markup=False)
        if problem is not None:
            errors.print(problem)
        else:
            console.print(f"  {converged(convergence)}", markup=False)
        on, names = stack_option(self._request.stack), " ".join(plans)
        follows = f"; to go back: switchyard rollback {names} --together{on}"
        if self._request.act is Act.ROLLBACK:
            others = " ".join(f"{key}={plan.target.other}" for key, plan in plans.items())
            follows = f"; to switch again once they are repaired: switchyard switch {others} --together{on}"
        changed = any(plan.patch for plan in plans.values())
        console.print(f"Next: switchyard status{on}{follows if changed else ''}", markup=False)

    def _problem(self, plans: Mapping[str, Plan], convergence: Convergence) -> str | None:
        if convergence.problem is None:
            return None
        return not_converged_together(plans, self._stack, convergence.problem, config=convergence.config)


def document_of_all(
    plans: Mapping[str, Plan],
    outcomes: Mapping[str, SwitchOutcome],
    stack: str,
    problem: str | None,
    warnings: list[str],
) -> dict[str, Any]:
    """The document that `--json` prints. Scripts rely on its keys."""
    documents = [document(plans[key], outcome, stack, problem, warnings) for key, outcome in outcomes.items()]
    return {
        "version": VERSION,
        "command": next(iter(plans.values())).act.value,
        "stack": stack,
        "together": True,
        "services": [{name: entry[name] for name in ITS_OWN} for entry in documents],
        **{name: documents[0][name] for name in OF_ALL},
        "exitCode": max(entry["exitCode"] for entry in documents),
    }
