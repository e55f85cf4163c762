"""Accepted findings of the scanner: which check, of which resources, why, and until when."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from devtools.rehearsal.policy.scan import Finding
from switchyard.config.errors import Problem, shown
from switchyard.config.models.base import Model

FILE = Path(__file__).parent / "waivers.yaml"
SHOWN_FILE = "devtools/rehearsal/policy/waivers.yaml"

LONGEST = timedelta(days=366)
"""Longest time until a date: every waiver is reviewed within a year."""

CheckId = Annotated[str, StringConstraints(pattern=r"^CKV2?_[A-Z]+_\d+$")]
Names = Annotated[tuple[Annotated[str, StringConstraints(min_length=1)], ...], Field(min_length=1)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=30)]

REMEDIES = {
    "check": "Take the id from the failed test, for example CKV_AWS_88",
    "resources": "List the resources by Pulumi's names, * stands for any text",
    "why": "Say in a sentence what makes it right here",
    "until": "Give the last day as YYYY-MM-DD",
    "review": "Give the day as YYYY-MM-DD",
}


class WaiversError(Exception):
    """The waivers do not match the findings; the text has a line for each error, ordered by path."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        heading = f"{count} thing{'s' if count > 1 else ''} to fix or to waive:"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in self.problems)]))


class Waiver(Model):
    """One check that may fail.

    Attributes:
        check: id of the check.
        resources: Pulumi's names of the resources; ``*`` stands for any text. Each of them has to fail the check.
        why: the reason why the failure is acceptable, by which a later reviewer decides whether it still is.
        until: last day of a waiver for something that is to be fixed by then.
        review: last day of a waiver for something intended, which is to be reviewed by then.
    """

    check: CheckId
    resources: Names
    why: Why
    until: date | None = None
    review: date | None = None

    @model_validator(mode="after")
    def _has_until_or_review(self) -> "Waiver":
        if (self.until is None) == (self.review is None):
            raise ValueError("a waiver has either until or review")
        return self

    @property
    def day(self) -> date:
        """The last day on which the waiver is valid."""
        day = self.until or self.review
        assert day is not None  # noqa: S101 - the validator's promise
        return day


def load(text: str) -> tuple[Waiver, ...]:
    """Reads waivers.

    Args:
        text: text of the file.

    Raises:
        WaiversError: the file is invalid.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WaiversError([Problem(SHOWN_FILE, str(error), "is not YAML", "Fix it")]) from error
    try:
        return TypeAdapter(tuple[Waiver, ...]).validate_python(document or ())
    except ValidationError as error:
        raise WaiversError(_problem(details) for details in error.errors(include_url=False)) from error


def judge(findings: Iterable[Finding], waivers: Iterable[Waiver], today: date) -> None:
    """Compares the findings with the waivers.

    Args:
        findings: the failed checks.
        waivers: the waivers of the file.
        today: the day by which their dates are judged.

    Raises:
        WaiversError: a failed check is not waived, a waiver waives nothing, or its day is past or too far ahead.
    """
    findings, waivers = tuple(findings), tuple(waivers)
    if problems := [*_unwaived(findings, waivers), *_useless(findings, waivers), *_untimely(waivers, today)]:
        raise WaiversError(problems)


def covers(waiver: Waiver, finding: Finding) -> bool:
    """Returns whether a waiver is for this failed check of this resource."""
    return any(_matches(waiver, name, finding) for name in waiver.resources)


def _unwaived(findings: Iterable[Finding], waivers: tuple[Waiver, ...]) -> Iterator[Problem]:
    for finding in findings:
        if not any(covers(waiver, finding) for waiver in waivers):
            yield Problem(
                finding.resource,
                finding.type,
                f"{finding.check}: {finding.title}",
                f"Fix it, or waive it in {SHOWN_FILE} with a reason and a date",
            )


def _useless(findings: tuple[Finding, ...], waivers: Iterable[Waiver]) -> Iterator[Problem]:
    for number, waiver in enumerate(waivers):
        for name in waiver.resources:
            if not any(_matches(waiver, name, finding) for finding in findings):
                yield Problem(
                    f"{SHOWN_FILE}[{number}].resources",
                    shown(name),
                    f"each of them fails {waiver.check}, this one does not",
                    "Remove it: it would hide the next failure",
                )


def _untimely(waivers: Iterable[Waiver], today: date) -> Iterator[Problem]:
    for number, waiver in enumerate(waivers):
        path = f"{SHOWN_FILE}[{number}].{'until' if waiver.until else 'review'}"
        if waiver.day < today:
            rule = f"{waiver.check}: the day is past"
            again = "Fix what it waives" if waiver.until else "Read its reason again, and set the next day if it holds"
            yield Problem(path, str(waiver.day), rule, again)
        elif waiver.day > today + LONGEST:
            rule = f"{waiver.check}: a waiver lasts {LONGEST.days} days at most"
            yield Problem(path, str(waiver.day), rule, f"Give a day up to {today + LONGEST}")


def _matches(waiver: Waiver, name: str, finding: Finding) -> bool:
    return waiver.check == finding.check and fnmatchcase(finding.resource, name)


def _problem(details: Any) -> Problem:
    keys = details["loc"]
    path = SHOWN_FILE + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    field = next((key for key in keys if isinstance(key, str)), "")
    remedy = REMEDIES.get(field, f"A waiver has {', '.join(Waiver.model_fields)}; the last two exclude each other")
    value = "missing" if details["type"] == "missing" else shown(details["input"])
    return Problem(path, value, details["msg"], remedy)
