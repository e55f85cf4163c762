"""Wording that the lint rule refuses, in all its forms, and what it leaves alone."""

import pytest

from devtools.wording import main, refused_lines, terms


@pytest.mark.parametrize(
    "line",
    [
        "the hand-over to the Rollout",
        "def test_a_hand_over_is_quick() -> None:",
        "Two hand-overs",
        "a stand-in for AWS",
        "it is mended",
        "The Mission's steps",
        "users come by the load balancer",
        "way_in_name(service)",
    ],
)
def test_refused_wording_is_detected(line: str) -> None:
    assert next(iter(refused_lines(f"fine\n{line}", terms())))[0] == 2


@pytest.mark.parametrize("line", ["for way in ways:", "a recommendation", "handover notes"])
def test_other_wording_is_accepted(line: str) -> None:
    assert not list(refused_lines(line, terms()))


def test_the_project_has_no_refused_wording(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out
