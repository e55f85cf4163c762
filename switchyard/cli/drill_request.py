"""The request of `switchyard drill`, and the start of the command before its libraries are imported."""

# ruff: noqa: PLC0415

from dataclasses import dataclass
from typing import NoReturn

from switchyard.cli.failures import errors_end_the_command
from switchyard.cli.release_request import can_ask, reading_state


@dataclass(frozen=True)
class DrillRequest:
    """The arguments and options of `switchyard drill`.

    Attributes:
        service: key of the service.
        reason: the operator's reason, for the record.
        stack: name of the stack; None for the selected one.
        wait: whether to wait for another command on the service, without a time limit.
        yes: whether the command is confirmed in advance.
        as_json: whether the output is one JSON document.
    """

    service: str
    reason: str | None = None
    stack: str | None = None
    wait: bool = False
    yes: bool = False
    as_json: bool = False


def begin(request: DrillRequest) -> None:
    """Runs a drill. The state is read by the engine while the libraries of the command are still imported."""
    with errors_end_the_command(request.stack, as_json=request.as_json):
        if not request.yes and not can_ask(as_json=request.as_json):
            _refuse_unconfirmed(request)
        with reading_state(request.stack, needed=False) as answer:
            try:
                from switchyard.cli.drill_command import run

                run(request, answer)
            except KeyboardInterrupt:
                _end_interrupted(request)


def _refuse_unconfirmed(request: DrillRequest) -> None:
    from switchyard.config.commands import options, typed
    from switchyard.errors import UsageError
    from switchyard.release.refusals import refuse_unconfirmed

    confirmed = typed(f"switchyard drill {request.service}{options(reason=request.reason, wait=request.wait)} --yes")
    raise UsageError(str(refuse_unconfirmed(f"{request.service}: the drill", confirmed)))


def _end_interrupted(request: DrillRequest) -> NoReturn:
    from switchyard.cli.interruption import end_interrupted
    from switchyard.config.commands import typed

    key = request.service
    remedy = (
        "The version that served before the drill may not serve. To switch back in that case: "
        f"{typed(f'switchyard drill {key}')}. Or: {typed(f'switchyard rollback {key}')}"
    )
    end_interrupted(remedy, (key,), request.stack, as_json=request.as_json)
