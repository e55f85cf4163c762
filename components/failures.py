"""Turns errors and refusals into the one error that the engine shows without a traceback."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pulumi

from switchyard.errors import SwitchyardError, with_code


def run_error(error: SwitchyardError, text: str = "") -> pulumi.RunError:
    """The error that ends a run, with the code of what happened.

    Args:
        error: the error.
        text: message in place of that of the error.
    """
    return pulumi.RunError(with_code(error.code, text or str(error)))


@contextmanager
def errors_end_the_run() -> Iterator[None]:
    """Ends the run if the block raises an error of Switchyard.

    Raises:
        pulumi.RunError: replaces the error, with its code and its text.
    """
    try:
        yield
    except SwitchyardError as error:
        raise run_error(error) from None


def end_if_refused(refusals: Iterable[object | None]) -> None:
    """Ends the run if there is a refusal, with a line for each.

    Args:
        refusals: the refusals, and None for each step that is not refused.

    Raises:
        pulumi.RunError: there is a refusal.
    """
    if lines := [str(refusal) for refusal in refusals if refusal is not None]:
        raise pulumi.RunError("\n".join(lines))
