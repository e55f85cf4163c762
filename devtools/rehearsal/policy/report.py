"""The result of checkov for one stack: each failed check with its waiver, if any."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from devtools.rehearsal.policy.scan import Finding
from devtools.rehearsal.policy.waivers import SHOWN_FILE, Waiver, covers


@dataclass(frozen=True)
class Reported:
    """A failed check of a stack.

    Attributes:
        finding: the failed check.
        waiver: the waiver that covers it and has not ended; None if there is none.
    """

    finding: Finding
    waiver: Waiver | None

    def __str__(self) -> str:
        finding = self.finding
        failed = f"{finding.check} {finding.resource} ({finding.type}): {finding.title}"
        if self.waiver is None:
            return f"{failed}. Fix it, or waive it in {SHOWN_FILE} with a reason and a date"
        return f"{failed}. Waived until {self.waiver.day}: {self.waiver.why}"


def report(findings: Iterable[Finding], waivers: Iterable[Waiver], today: date) -> list[Reported]:
    """Returns the failed checks of a stack, those without a waiver first.

    A waiver that covers nothing here is no error, since the waivers are those of this project's own `production`.

    Args:
        findings: the failed checks.
        waivers: the waivers of the file.
        today: a waiver that ended before this day covers nothing.
    """
    in_force = [waiver for waiver in waivers if waiver.day >= today]
    reported = [
        Reported(finding, next((waiver for waiver in in_force if covers(waiver, finding)), None))
        for finding in findings
    ]
    return sorted(reported, key=lambda each: (each.waiver is not None, each.finding))
