"""The request of `switch` or `rollback` for several services, and its start before libraries are imported.

The arguments are services, for a switch each with the colour that is to serve where it is to be named: `SERVICE=green`.
"""

# ruff: noqa: PLC0415

import time
from dataclasses import dataclass
from typing import NoReturn

from switchyard.cli.failures import errors_end_the_command
from switchyard.cli.release_request import can_ask, reading_state
from switchyard.config.commands import options, stack_option
from switchyard.errors import UsageError
from switchyard.release.plan import Act
from switchyard.release.switch.together_refusals import refuse_several, refuse_words


@dataclass(frozen=True)
class TogetherRequest:
    """The arguments and options of `switch` or `rollback` with `--together`.

    Attributes:
        act: switch or rollback.
        words: the services, each with its colour where one is named.
        reason: the operator's reason, for the record.
        stack: name of the stack; None for the selected one.
        wait: whether to wait for other commands on the services, without a time limit.
        yes: whether the command is confirmed in advance.
        as_json: whether the output is one JSON document.
        override: reason for a switch although releases are frozen, or for a rollback to versions that no longer work
            after a hook or that were rolled back; None without one.
    """

    act: Act
    words: tuple[str, ...]
    reason: str | None = None
    stack: str | None = None
    wait: bool = False
    yes: bool = False
    as_json: bool = False
    override: str | None = None

    @property
    def colours(self) -> dict[str, str | None]:
        """The colour that is to serve, by the key of the service; None leaves it to the command."""
        return {name: colour or None for name, _, colour in (word.partition("=") for word in self.words)}

    @property
    def typed(self) -> str:
        """The command line, for the same stack, without its other options."""
        return f"switchyard {self.act} {' '.join(self.words)} --together{stack_option(self.stack)}"

    @property
    def again(self) -> str:
        """The command line with its options, without `--yes` and `--json`."""
        return self.typed + options(reason=self.reason, override=self.override, wait=self.wait)


def begin_together(request: TogetherRequest) -> None:
    """Runs a command. The state is read by the engine while the libraries of the command are still imported."""
    from switchyard.release.refusals import refuse_unconfirmed

    begun = time.monotonic()
    with errors_end_the_command(request.stack, as_json=request.as_json):
        if (refusal := refuse_words(request.act, request.words)) is not None:
            raise UsageError(str(refusal))
        if not request.yes and not can_ask(as_json=request.as_json):
            step = f"{', '.join(request.colours)}: this command"
            raise UsageError(str(refuse_unconfirmed(step, f"{request.again} --yes")))
        with reading_state(request.stack, needed=False) as answer:
            try:
                from switchyard.cli.together_command import run

                run(request, answer, begun)
            except KeyboardInterrupt:
                _end_interrupted(request)


def end_misused(act: Act, words: tuple[str, ...], stack: str | None, *, as_json: bool) -> None:
    """Refuses several services without --together; does nothing for arguments of one service.

    Args:
        act: the command.
        words: arguments of the command.
        stack: name of the stack; None for the selected one.
        as_json: whether the message is a JSON document.
    """
    with errors_end_the_command(stack, as_json=as_json):
        if (refusal := refuse_several(act, words)) is not None:
            raise UsageError(str(refusal))


def _end_interrupted(request: TogetherRequest) -> NoReturn:
    from switchyard.cli.interruption import end_interrupted

    remedy = (
        "If only some selectors were changed, they were changed back, unless the command was killed. "
        f"To continue, run the command again: {request.again}"
    )
    end_interrupted(remedy, tuple(request.colours), request.stack, as_json=request.as_json)
