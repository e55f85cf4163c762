"""The resources in AWS of `production`, before a scanner of policies and before a reviewer."""

import copy
import difflib
import json
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.rehearsal.plan import document, planned
from devtools.rehearsal.policy.scan import Scan, scan, scan_document
from devtools.rehearsal.policy.summary import summary
from devtools.rehearsal.policy.waivers import FILE, WaiversError, judge, load
from devtools.rehearsal.providers import fake_providers
from devtools.rehearsal.values import SECRET, SIGNATURE, Values
from devtools.toolchain.paths import PROJECT
from tests.integration.rehearsal.conftest import SmallStack

PROGRAM = Path(__file__).parent / "machines"
"""The half in AWS alone, which is all that is looked at here."""

CONFIGURATION = PROJECT / "Pulumi.production.yaml"
GOLDEN = Path(__file__).parent / "production.golden.yaml"
WRITE = "SWITCHYARD_GOLDEN"
COMMAND = f"{WRITE}=write .venv/bin/python -m pytest tests/integration/rehearsal/test_policy.py -k summary"
HEADING = f"""# The resources of stack `production` in AWS and of TLS, so that a review sees what changes.
# <Name> stands for an id, or another random value, of the resource with this name. Not edited by hand:
# {COMMAND}
"""

CHECKS = 200
"""The minimum of passed checks. With fewer, the scanner does not read the plan any more."""

State = dict[str, Any]


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallStack]:
    """The stack of this project's own `production`, made from nothing."""
    config = yaml.safe_load(CONFIGURATION.read_text())["config"]
    directory, rehearsal = tmp_path_factory.mktemp("stack"), tmp_path_factory.mktemp("rehearsal")
    with (
        fake_providers(rehearsal, region=config["switchyard:cluster"]["region"]) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in running.environment.items():
            patch.setitem(os.environ, name, value)
        stack = SmallStack(directory, config, PROGRAM)
        result = stack.up()
        assert result.ok, result.output
        yield stack


@pytest.fixture(scope="module")
def resources(production: SmallStack) -> list[State]:
    """All of it, as the engine wrote it down."""
    return production.state()


@pytest.fixture(scope="module")
def scanned(resources: list[State], tmp_path_factory: pytest.TempPathFactory) -> Scan:
    return scan(resources, tmp_path_factory.mktemp("scan"))


def test_no_check_fails_without_a_waiver_and_no_waiver_is_unused(scanned: Scan) -> None:
    assert scanned.passed > CHECKS
    judge(scanned.findings, load(FILE.read_text()), date.today())


def unencrypted(values: Values) -> None:
    values["root_block_device"][0]["encrypted"] = False


def metadata_without_a_token(values: Values) -> None:
    values["metadata_options"][0]["http_tokens"] = "optional"


def ssh_from_everywhere(values: Values) -> None:
    values |= {"cidr_ipv4": "0.0.0.0/0", "from_port": 22, "to_port": 22}


def plain_text(values: Values) -> None:
    values["type"] = "String"


def every_action(values: Values) -> None:
    values["policy"] = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


WEAKNESSES: list[tuple[Callable[[Values], None], str, str]] = [
    (unencrypted, "aws_instance", "CKV_AWS_8"),
    (metadata_without_a_token, "aws_instance", "CKV_AWS_79"),
    (ssh_from_everywhere, "aws_vpc_security_group_ingress_rule", "CKV_AWS_24"),
    (plain_text, "aws_ssm_parameter", "CKV2_AWS_34"),
    (every_action, "aws_iam_policy", "CKV_AWS_62"),
]
"""Changes, each of the first resource of a type, and the check that has to find it."""

BELONGINGS = {
    "aws_s3_bucket_public_access_block": "CKV2_AWS_6",
    "aws_s3_bucket_versioning": "CKV_AWS_21",
    "aws_s3_bucket_lifecycle_configuration": "CKV2_AWS_61",
    "aws_flow_log": "CKV2_AWS_11",
    "aws_default_security_group": "CKV2_AWS_12",
}
"""Companion resources that satisfy a check of another resource, and that check."""


@pytest.fixture(scope="module")
def weakened(resources: list[State], tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """A scan of the same stack with all weaknesses in it."""
    plan = copy.deepcopy(document(resources))
    for change, type_, _ in WEAKNESSES:
        change(next(entry["values"] for entry in in_plan(plan) if entry["type"] == type_))
    names = {resource.address: resource.name for resource in planned(resources)}
    return scan_document(plan, names, tmp_path_factory.mktemp("weakened"))


@pytest.mark.parametrize(("type_", "check"), [case[1:] for case in WEAKNESSES], ids=lambda case: case)
def test_a_weakness_is_reported_and_no_waiver_covers_it(
    resources: list[State], weakened: Scan, type_: str, check: str
) -> None:
    first = next(resource.name for resource in planned(resources) if resource.type == type_)
    with pytest.raises(WaiversError) as caught:
        judge(weakened.findings, load(FILE.read_text()), date.today())
    problems = [problem for problem in caught.value.problems if problem.rule.startswith(f"{check}: ")]
    assert [(problem.path, problem.value) for problem in problems] == [(first, type_)]


def test_companion_resources_satisfy_checks_and_their_absence_is_reported(
    resources: list[State], scanned: Scan, tmp_path: Path
) -> None:
    assert BELONGINGS.keys() <= {resource.type for resource in planned(resources)}
    assert not {finding.check for finding in scanned.findings} & set(BELONGINGS.values())
    plan = copy.deepcopy(document(resources))
    plan["planned_values"]["root_module"]["resources"] = [
        entry for entry in in_plan(plan) if entry["type"] not in BELONGINGS
    ]
    names = {resource.address: resource.name for resource in planned(resources) if resource.type not in BELONGINGS}
    assert {finding.check for finding in scan_document(plan, names, tmp_path).findings} >= set(BELONGINGS.values())


def test_the_summary_is_the_one_that_was_reviewed(resources: list[State]) -> None:
    current = HEADING + summary(resources)
    if os.environ.get(WRITE) == "write":
        GOLDEN.write_text(current)
    reviewed = GOLDEN.read_text() if GOLDEN.exists() else ""
    diff = "".join(
        difflib.unified_diff(
            reviewed.splitlines(keepends=True), current.splitlines(keepends=True), "reviewed", "this program", n=4
        )
    )
    if diff:
        pytest.fail(
            f"The resources are others than those reviewed. If they should be: {COMMAND}\n{diff}", pytrace=False
        )


def test_no_secret_is_in_the_plan_or_in_the_summary(production: SmallStack, resources: list[State]) -> None:
    shown = f"{json.dumps(document(resources))}{summary(resources)}"
    exported = json.loads(production.run("stack", "export", "--show-secrets", check=True).output)
    # A certificate is a secret for who fetches it, as all that is fetched, and none for who looks at it.
    secrets = {text for text in plain_secrets(exported) if "CERTIFICATE" not in text}
    assert [text for text in secrets if "PRIVATE KEY" in text]
    assert not [text for text in secrets if json.dumps(text).strip('"') in shown or text in shown]
    assert "ciphertext" not in shown


def plain_secrets(value: Any) -> Iterator[str]:
    """Every secret of an exported state that is a text."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            plain = json.loads(value["plaintext"])
            yield from [plain] if isinstance(plain, str) and plain else []
        for item in value.values():
            yield from plain_secrets(item)
    elif isinstance(value, list):
        for item in value:
            yield from plain_secrets(item)


def in_plan(plan: Values) -> list[Values]:
    resources: list[Values] = plan["planned_values"]["root_module"]["resources"]
    return resources
