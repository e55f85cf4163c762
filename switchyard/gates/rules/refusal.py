"""The results of rules: a refusal, or the line of a warning or a report. Each has a code of the runbook."""

from dataclasses import dataclass

from switchyard.codes import Code


@dataclass(frozen=True)
class Refusal:
    """Why a step is not taken.

    Attributes:
        code: the section of the runbook that has more about it.
        step: what was about to happen, for example ``backend: the switch to green``.
        observed: what the cluster, AWS or the settings have.
        rule: what must hold before the step may be taken.
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
        about: the key of a service, or what else the line is about; empty where `observed` says it.
        observed: what the cluster, AWS or the settings have, without a full stop.
        remedy: what serves now and what to do, as sentences; empty where nothing is to be done.
    """
    subject = f"{about}: " if about else ""
    return f"{subject}{observed} ({code}). {remedy}".rstrip()
