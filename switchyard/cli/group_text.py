"""Output of `deploy --together`, and of `resume` and `abort` of its releases: for people and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from switchyard.cli.command_report import CommandReport
from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.deploy_text import VERSION, DeployReport, exit_code, serving_version, what_serves
from switchyard.cli.detachment import Detached
from switchyard.cli.failures import message_of
from switchyard.cli.output import console, errors, print_json
from switchyard.cli.status_json import failure
from switchyard.cli.watch_line import WatchLine
from switchyard.config.commands import stack_option
from switchyard.errors import ExitCode, SwitchyardError
from switchyard.release.deploy.together import Outcomes
from switchyard.release.plan import Observation
from switchyard.release.record.lease_holder import Holder


class GroupReport(CommandReport):
    """Prints what a command on several services plans and does.

    Args:
        request: what the operator has typed.
        stack: name of the stack.
        described: the kubeconfig and its context in words.
        requests: the arguments and options for each service.
    """

    def __init__(self, request: DeployRequest, stack: str, described: str, requests: Sequence[DeployRequest]) -> None:
        super().__init__(stack, described)
        self._request = request
        width = max(len(member.service) for member in requests)
        self._requests = {member.service: member for member in requests}
        self._watches = WatchLine()
        self.members = {
            key: DeployReport(member, stack, described, self._watches, f"  {key:<{width}} ")
            for key, member in self._requests.items()
        }

    def warn(self, line: str) -> None:
        """Reports a warning on standard error, which is free of the document."""
        self._watches.clear()
        errors.print(line)

    def confirmed(self, observations: Mapping[str, Observation]) -> bool:
        """Shows what will happen to all services, and asks for confirmation."""
        for key, observation in observations.items():
            self.members[key].tell_plan(observation)
        act = self._request.act.value
        if typer.confirm(f"They belong together. {act.capitalize()} all of them?", err=True):
            return True
        console.print("Nothing was changed.", markup=False)
        return False

    def detached(self, process: Detached) -> None:
        """Reports the background process for all services: how to follow it, and how to end it."""
        act, on, host = self._request.act.value, stack_option(self._request.stack), Holder("").host
        if self._request.as_json:
            services = [{"service": key, "release": release} for key, release in process.releases.items()]
            head = {"version": VERSION, "detached": True, "command": act, "stack": self._stack, "together": True}
            at = {"process": process.process, "host": host, "log": str(process.log)}
            print_json({**head, "services": services, **at})
            return
        versions = ", ".join(f"{key} {member.tag}".rstrip() for key, member in self._requests.items())
        console.print(
            f"The {act} of {versions} continues without this terminal, in process {process.process} on {host}\n"
            f"  log       {process.log}\n"
            f"  follow    switchyard status --watch{on}\n"
            f"  end       switchyard abort {next(iter(self._requests))}{on}",
            markup=False,
        )

    def end(
        self, outcomes: Outcomes, observations: Mapping[str, Observation | None], bake_seconds: Mapping[str, int]
    ) -> ExitCode:
        """Reports the phase of each release, what serves and the next command. Returns the exit code."""
        self._watches.clear()
        codes = {key: self._code(key, outcome) for key, outcome in outcomes.items()}
        worst = max(codes.values())
        if self._request.as_json:
            print_json(self._document(outcomes, observations, worst))
            return worst
        for key, outcome in outcomes.items():
            if isinstance(outcome, SwitchyardError):
                errors.print(f"{key}: {message_of(outcome)} {what_serves(observations[key])}")
            else:
                self.members[key].tell_end(codes[key], outcome, observations[key], bake_seconds[key])
        return worst

    def _code(self, key: str, outcome: Any) -> ExitCode:
        if isinstance(outcome, SwitchyardError):
            return outcome.exit_code
        return exit_code(outcome, self._requests[key])

    def _document(
        self, outcomes: Outcomes, observations: Mapping[str, Observation | None], worst: ExitCode
    ) -> dict[str, Any]:
        """The document that `--json` prints. Scripts rely on its keys."""
        services = []
        for key, outcome in outcomes.items():
            if isinstance(outcome, SwitchyardError):
                reported = failure(message_of(outcome), outcome)
                its_own: dict[str, Any] = {"service": key, "error": reported["error"], "code": reported["code"]}
            else:
                its_own = outcome.to_json()
            services.append({**its_own, "serving": serving_version(observations[key])})
        act = self._request.act.value
        head = {"version": VERSION, "command": act, "stack": self._stack, "together": True}
        return {**head, "services": services, "exitCode": int(worst)}
