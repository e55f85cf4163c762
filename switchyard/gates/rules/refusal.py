"""Why a step is not taken."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Why a step is not taken.

    Attributes:
        step: what was about to happen, for example ``backend: the switch to green``.
        found: what was seen.
        rule: what has to hold instead.
        remedy: what to do now.
    """

    step: str
    found: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.step} is refused: {self.found}; {self.rule}. {self.remedy}"
