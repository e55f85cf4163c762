"""What a scanner says, and the waivers of it: without an engine and without a scanner."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from devtools.rehearsal.policy import scan
from devtools.rehearsal.policy.scan import Finding, ScanError, scan_document
from devtools.rehearsal.policy.waivers import FILE, LONGEST, WaiversError, judge, load
from devtools.rehearsal.values import Values

TODAY = date(2026, 11, 25)
WAIVER = """
- check: CKV_AWS_88
  resources: [machines-*]
  why: The subnets are public and there is no other way out of them.
  review: 2027-05-31
"""
FOUND = Finding("CKV_AWS_88", "machines-a", "no public address", "aws_instance")


def problems(findings: list[Finding], text: str = WAIVER, today: date = TODAY) -> list[str]:
    try:
        judge(findings, load(text), today)
    except WaiversError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_the_waivers_of_this_project_can_be_read_and_none_lasts_too_long() -> None:
    for waiver in load(FILE.read_text()):
        assert waiver.day <= date.today() + LONGEST


def test_a_failed_check_with_a_waiver_is_no_error() -> None:
    assert problems([FOUND]) == []
    assert problems([], "") == []


def test_a_failed_check_without_a_waiver_is_an_error() -> None:
    other = Finding("CKV_AWS_8", "machines-a", "encrypted disks", "aws_instance")
    assert problems([FOUND, other]) == [
        "machines-a: aws_instance: CKV_AWS_8: encrypted disks. "
        "Fix it, or waive it in devtools/rehearsal/policy/waivers.yaml with a reason and a date"
    ]
    elsewhere = Finding("CKV_AWS_88", "bastion", "no public address", "aws_instance")
    assert problems([FOUND, elsewhere])[0].startswith("bastion: aws_instance: CKV_AWS_88")


def test_an_unused_waiver_is_an_error() -> None:
    text = WAIVER.replace("[machines-*]", "[machines-*, gone]")
    assert problems([FOUND], text) == [
        "devtools/rehearsal/policy/waivers.yaml[0].resources: 'gone': each of them fails CKV_AWS_88, "
        "this one does not. Remove it: it would hide the next failure"
    ]


def test_a_waiver_that_has_expired_or_lasts_too_long_is_an_error() -> None:
    last = date(2027, 5, 31)
    assert problems([FOUND], today=last) == []
    assert problems([FOUND], today=last + timedelta(days=1)) == [
        "devtools/rehearsal/policy/waivers.yaml[0].review: 2027-05-31: CKV_AWS_88: the day is past. "
        "Read its reason again, and set the next day if it holds"
    ]
    [past] = problems([FOUND], WAIVER.replace("review", "until"), last + timedelta(days=1))
    assert past.endswith("Fix what it waives")
    [far] = problems([FOUND], today=last - LONGEST - timedelta(days=1))
    assert "a waiver lasts 366 days at most. Give a day up to 2027-05-30" in far


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("CKV_AWS_88", "AWS_88", "devtools/rehearsal/policy/waivers.yaml[0].check: 'AWS_88': "),
        ("[machines-*]", "[]", "devtools/rehearsal/policy/waivers.yaml[0].resources: a list: "),
        (
            "The subnets are public and there is no other way out of them.",
            "Accepted.",
            "devtools/rehearsal/policy/waivers.yaml[0].why: ",
        ),
        ("2027-05-31", "next year", "devtools/rehearsal/policy/waivers.yaml[0].review: 'next year': "),
        ("  review: 2027-05-31\n", "", "either until or review"),
        ("review: 2027-05-31", "review: 2027-05-31\n  until: 2027-05-31", "either until or review"),
        (
            "review: 2027-05-31",
            "review: 2027-05-31\n  owner: me",
            "devtools/rehearsal/policy/waivers.yaml[0].owner: 'me': ",
        ),
        ("  resources: [machines-*]\n", "", "devtools/rehearsal/policy/waivers.yaml[0].resources: missing: "),
        ("[machines-*]", "[machines-*", "is not YAML"),
        ("- check", "check", "waivers.yaml: "),
    ],
)
def test_an_incomplete_waiver_is_an_error(old: str, new: str, said: str) -> None:
    [problem] = problems([FOUND], WAIVER.replace(old, new))
    assert said in problem


NAMES = {"aws_instance.machines-a": "machines-a"}
REPORT: Values = {
    "results": {
        "failed_checks": [
            {
                "check_id": "CKV_AWS_88",
                "check_name": "no public address",
                "resource": "aws_instance.machines-a",
                "resource_address": "aws_instance.machines-a",
            }
        ],
        "passed_checks": [{}, {}],
        "skipped_checks": [],
        "parsing_errors": [],
    },
    "summary": {"resource_count": 1},
}


def scanner(tmp_path: Path, report: Any, code: int = 1) -> Path:
    """A scanner that says the same of everything."""
    (tmp_path / "report").write_text(report if isinstance(report, str) else json.dumps(report))
    executable = tmp_path / "checkov"
    executable.write_text(
        f"#!/bin/sh\ncat {tmp_path}/report\necho broken >&2\nenv > {tmp_path}/environment\nexit {code}\n"
    )
    executable.chmod(0o755)
    return executable


def test_a_scan_names_resources_as_pulumi_does_and_needs_no_network(tmp_path: Path) -> None:
    scanned = scan_document({}, NAMES, tmp_path, scanner(tmp_path, REPORT))
    assert scanned == scan.Scan((FOUND,), 2)
    environment = (tmp_path / "environment").read_text().splitlines()
    assert {"CKV_SKIP_PACKAGE_UPDATE_CHECK=true", f"HOME={tmp_path}"} <= set(environment)


@pytest.mark.parametrize(
    ("report", "code", "said"),
    [
        ("", 1, "exit code 1, no report: broken"),
        (REPORT, 2, "exit code 2"),
        ({"passed": 0}, 0, "no report"),
        (REPORT | {"summary": {"resource_count": 0}}, 1, "looked at 0 of 1 resources"),
        (REPORT | {"results": REPORT["results"] | {"skipped_checks": [{}]}}, 1, "skipped 1 checks"),
        (REPORT | {"results": REPORT["results"] | {"parsing_errors": ["plan.json"]}}, 1, "could not read"),
    ],
)
def test_a_scan_without_a_whole_result_is_an_error(tmp_path: Path, report: Any, code: int, said: str) -> None:
    with pytest.raises(ScanError, match=said):
        scan_document({}, NAMES, tmp_path, scanner(tmp_path, report, code))


def test_a_scanner_that_is_not_there_or_hangs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ScanError, match="make tools-ec2"):
        scan_document({}, NAMES, tmp_path, tmp_path / "nowhere")
    monkeypatch.setattr(scan, "LIMIT", 0.2)
    executable = scanner(tmp_path, REPORT)
    executable.write_text("#!/bin/sh\nexec sleep 30\n")
    with pytest.raises(ScanError, match="not done after"):
        scan_document({}, NAMES, tmp_path, executable)
