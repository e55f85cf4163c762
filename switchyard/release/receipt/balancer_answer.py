"""The state of a load balancer that chooses the colour for each request, after a switch."""

from dataclasses import dataclass
from typing import Any

NODES_OF_BALANCER = "whether each node of the load balancer applies its rules already: AWS does not report it"
"""The limit of what AWS reports of a load balancer."""


@dataclass(frozen=True)
class BalancerAnswer:
    """What AWS reports of the rules of a load balancer after a switch.

    Attributes:
        service: the Service whose target group is to get all requests.
        follows: whether every rule sends all requests there; None where that could not be read.
        problem: why it does not follow, or why that could not be read.
        after: when it was first seen to follow, in seconds since the command began; None where it was not.
    """

    service: str
    follows: bool | None
    problem: str | None = None
    after: float | None = None

    @property
    def line(self) -> str:
        """The observation in one line."""
        match self.follows:
            case True:
                seconds = "" if self.after is None else f" after {self.after:.2f} s"
                return f"every rule sends all requests to {self.service}, as AWS reports{seconds}"
            case False:
                return f"does not follow: {self.problem}"
            case _:
                return f"not seen: {self.problem}"

    def to_json(self) -> dict[str, Any]:
        """The answer in the JSON form of a receipt."""
        return {
            "service": self.service,
            "follows": self.follows,
            "problem": self.problem,
            "after": None if self.after is None else round(self.after, 3),
        }
