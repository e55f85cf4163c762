"""What a user reads of checkov's findings on a stack of his own."""

from datetime import date

from devtools.rehearsal.policy.report import report
from devtools.rehearsal.policy.scan import Finding
from devtools.rehearsal.policy.waivers import Waiver

TODAY = date(2026, 11, 28)
PUBLIC = Finding("CKV_AWS_88", "cluster-machines-k8s-redis", "has no public IP", "aws_instance")
MONITORED = Finding("CKV_AWS_126", "cluster-machines-k8s-redis", "is monitored", "aws_instance")
WAIVER = Waiver(
    check="CKV_AWS_88",
    resources=("cluster-machines-*",),
    why="The subnets are public: a NAT gateway costs more than the machines.",
    review=date(2027, 6, 1),
)


def test_findings_without_a_waiver_come_first_and_say_what_to_do() -> None:
    without, waived = report([PUBLIC, MONITORED], [WAIVER], TODAY)
    assert (without.finding, without.waiver) == (MONITORED, None)
    assert "waive it in devtools/rehearsal/policy/waivers.yaml" in str(without)
    assert str(waived).endswith(
        "Waived until 2027-06-01: The subnets are public: a NAT gateway costs more than the machines."
    )


def test_a_waiver_that_ended_covers_nothing_and_one_for_another_stack_is_no_error() -> None:
    assert report([PUBLIC], [WAIVER], date(2027, 6, 2))[0].waiver is None
    assert report([], [WAIVER], TODAY) == []
