"""A mistake in the settings of a cluster, together with what else the rule looked at."""

from collections.abc import Iterable
from dataclasses import dataclass

from switchyard.config.errors import Problem


@dataclass(frozen=True)
class RelatedProblem:
    """A mistake, and what else the rule looked at.

    Attributes:
        problem: the mistake.
        reads: paths of the other values that the rule compares; where one of them is wrong, it proves nothing.
    """

    problem: Problem
    reads: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Of all values that the rule looked at."""
        return (self.problem.path, *self.reads)


def related_problem(at: str, value: object, rule: str, remedy: str, reads: Iterable[str] = ()) -> RelatedProblem:
    """A finding, of the parts of its line.

    Args:
        at: path of the value.
        value: as people read it.
        rule: what is allowed instead.
        remedy: what to do about it.
        reads: paths of the other values that the rule compares.
    """
    return RelatedProblem(Problem(at, str(value), rule, remedy), tuple(reads))
