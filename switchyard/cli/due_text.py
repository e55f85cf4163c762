"""Output of `switchyard retire --due`: a line for each service, or one document for all of them."""

from typing import Any

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.deploy_text import VERSION, DeployReport, exit_code
from switchyard.cli.failures import message_of
from switchyard.cli.output import console, print_json
from switchyard.cli.status_json import failure
from switchyard.errors import ExitCode, SwitchyardError
from switchyard.gates.rules.freeze import report_not_retired
from switchyard.gates.rules.windows import OpenWindow
from switchyard.release.plan import Observation
from switchyard.release.record.release_record import ReleaseRecord


class DueReport(DeployReport):
    """Prints the result for one service whose release is due, and adds it to the common document.

    Args:
        request: the arguments and options for this service.
        stack: name of the stack.
        described: the kubeconfig and its context in words.
        entries: entries of the document, to which this service is added.
    """

    def __init__(self, request: DeployRequest, stack: str, described: str, entries: list[dict[str, Any]]) -> None:
        super().__init__(request, stack, described)
        self._entries = entries

    def failed(self, error: SwitchyardError) -> None:
        """Reports an error that does not end the command."""
        reported = failure(message_of(error), error)
        self._entries.append({"service": self._request.service, "error": reported["error"], "code": reported["code"]})
        super().failed(error)

    def waits(self, window: OpenWindow) -> None:
        """Reports a retirement that waits for the end of a window without releases."""
        self._entries.append({"service": self._request.service, "frozen": window.to_json()})
        self.warn(report_not_retired(self._request.service, window))

    def end(self, record: ReleaseRecord, observation: Observation | None, bake_seconds: int) -> ExitCode:
        """Reports the phase of the release, what serves and the next command. Returns the exit code."""
        code = exit_code(record, self._request)
        self._entries.append(self.document(record, observation, code))
        if not self._request.as_json:
            self.tell_end(code, record, observation, bake_seconds)
        return code


def end_due(entries: list[dict[str, Any]], *, is_any_due: bool, as_json: bool) -> None:
    """Prints the document, or a line which says that nothing was due.

    Args:
        entries: one entry for each service whose release was due.
        is_any_due: whether a release was due, also one that the operator has declined to end.
        as_json: whether the output is one JSON document.
    """
    if as_json:
        print_json({"version": VERSION, "due": entries})
    elif not is_any_due:
        console.print("No release has baked long enough to be retired. Nothing was changed.", markup=False)
