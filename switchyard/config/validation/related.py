"""Errors of rules that compare several values of the configuration."""

from collections.abc import Iterable
from dataclasses import dataclass

from switchyard.config.errors import Problem


@dataclass(frozen=True)
class RelatedProblem:
    """An error, and the other values that the rule compares.

    Attributes:
        problem: the error.
        reads: paths of the other values that the rule compares; if one of them is wrong, the error is not reported.
    """

    problem: Problem
    reads: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of all values that the rule compares."""
        return (self.problem.path, *self.reads)


def related_problem(at: str, value: object, rule: str, remedy: str, reads: Iterable[str] = ()) -> RelatedProblem:
    """An error together with the paths of the other values that its rule compares.

    Args:
        at: path of the value.
        value: the value as a message shows it.
        rule: what is allowed instead.
        remedy: what to do, with a command if there is one.
        reads: paths of the other values that the rule compares.
    """
    return RelatedProblem(Problem(at, str(value), rule, remedy), tuple(reads))
