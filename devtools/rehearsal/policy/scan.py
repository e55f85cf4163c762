"""Runs checkov, which has an environment of its own because it needs other versions of this project's dependencies."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.rehearsal.plan import State, document, planned
from devtools.toolchain.paths import TOOLS

EXECUTABLE = TOOLS / "checkov" / "bin" / "checkov"

LIMIT = 180
"""Seconds after which a scanner is ended. It usually takes five."""

OPTIONS = ("--framework", "terraform_plan", "--output", "json", "--compact", "--skip-download")
"""Options of the scanner. The last one prevents calls to the vendor's service."""

NO_CALLS = {"CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"}
"""Environment without which the scanner asks PyPI for a newer version at every start."""

FOUND_SOMETHING = 1
"""Exit code of a completed scan with failed checks."""


class ScanError(Exception):
    """The scan has no result: the scanner is missing, failed, or did not check everything."""


@dataclass(frozen=True, order=True)
class Finding:
    """A failed check of one resource.

    Attributes:
        check: id of the check, for example ``CKV_AWS_88``.
        resource: Pulumi's name of it.
        title: requirement of the check.
        type: Terraform's name of the resource's type.
    """

    check: str
    resource: str
    title: str
    type: str


@dataclass(frozen=True)
class Scan:
    """The result of a scan.

    Attributes:
        findings: the failed checks, in order.
        passed: how many checks passed.
    """

    findings: tuple[Finding, ...]
    passed: int


def scan(resources: Iterable[State], directory: Path, executable: Path = EXECUTABLE) -> Scan:
    """Scans a stack.

    Args:
        resources: all of it, as ``pulumi stack export`` has them.
        directory: an empty directory for the document and the scanner's home.
        executable: the scanner.

    Raises:
        ScanError: there is no result.
        UnmappedError: a resource is of a type that the document does not know.
    """
    resources = list(resources)
    return scan_document(
        document(resources), {resource.address: resource.name for resource in planned(resources)}, directory, executable
    )


def scan_document(
    plan: Mapping[str, Any], names: Mapping[str, str], directory: Path, executable: Path = EXECUTABLE
) -> Scan:
    """Scans a document.

    Args:
        plan: the document that `devtools.rehearsal.plan` renders.
        names: Pulumi's names of all its resources, by address.
        directory: an empty directory.
        executable: the scanner.

    Raises:
        ScanError: there is no result.
    """
    if not executable.exists():
        raise ScanError(f"{executable}: not there: the scanner is installed apart. Run: make tools-ec2")
    (directory / "plan.json").write_text(json.dumps(plan, indent=1))
    # With its own home and directory, because a configuration file of the user could skip checks.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(directory), **NO_CALLS}
    try:
        process = subprocess.run(
            [str(executable), "--file", "plan.json", *OPTIONS],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ScanError(f"{executable}: not done after {LIMIT} s: a scan needs five. Look for what holds it") from error
    try:
        report = json.loads(process.stdout)
    except json.JSONDecodeError:
        report = None
    if process.returncode not in {0, FOUND_SOMETHING} or not isinstance(report, dict) or "results" not in report:
        raise ScanError(f"{executable}: exit code {process.returncode}, no report: {process.stderr[-2000:]}")
    return _result(report, names)


def _result(report: Mapping[str, Any], names: Mapping[str, str]) -> Scan:
    results, seen = report["results"], report["summary"]["resource_count"]
    if results["parsing_errors"] or results["skipped_checks"] or seen != len(names):
        raise ScanError(
            f"checkov: looked at {seen} of {len(names)} resources, skipped {len(results['skipped_checks'])} checks, "
            f"could not read {results['parsing_errors']}: all have to be looked at. "
            "Waive in devtools/rehearsal/policy/waivers.yaml"
        )
    findings = {
        Finding(
            check["check_id"],
            # A check may also be about the provider, which has no name in the stack.
            names.get(check["resource_address"] or check["resource"], check["resource"]),
            check["check_name"],
            check["resource"].partition(".")[0],
        )
        for check in results["failed_checks"]
    }
    return Scan(tuple(sorted(findings)), len(results["passed_checks"]))
