"""The results of rules: a refusal, or the line of a warning or a report. Each has a code of the runbook."""

from dataclasses import dataclass

from switchyard.codes import Code


@dataclass(frozen=True)
class Refusal:
    """The refusal of a step, with its reason and a remedy.

    Attributes:
        code: the section of the runbook that has more about it.
        step: the refused step, for example ``backend: the switch to green``.
        observed: what the cluster, AWS or the settings have.
        rule: the rule that the step would break.
        remedy: what to do now.
    """

    code: Code
    step: str
    observed: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.step} is refused ({self.code}): {self.observed}; {self.rule}. {self.remedy}"


def notice(code: Code, about: str, observed: str, remedy: str = "") -> str:
    """The line of a warning, of a report, or of an error at the end of a run.

    Args:
        code: the section of the runbook that has more about it.
        about: the subject of the line, such as the key of a service; empty if `observed` names it.
        observed: what the cluster, AWS or the settings have, without a full stop.
        remedy: what serves now and what to do, as sentences; empty if nothing has to be done.
    """
    subject = f"{about}: " if about else ""
    return f"{subject}{observed} ({code}). {remedy}".rstrip()
