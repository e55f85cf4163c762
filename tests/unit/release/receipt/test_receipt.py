"""The receipt of a switch as a value."""

from dataclasses import replace

import pytest

from switchyard.release.receipt.receipt import NodeAnswer, Receipt, lines


def test_a_sample_without_an_error_has_its_bound() -> None:
    receipt = Receipt("now", 0.5, 0.6, 3, (NodeAnswer("a", follows=True),))
    assert receipt.error_bound is None
    counted = replace(receipt, requests=3000, errors=0)
    assert counted.to_json()["errorBound"] == pytest.approx(0.001)
    assert "3000 counted, 0 failed (under 0.10% at 95 %)" in "\n".join(lines(counted))
    assert replace(counted, errors=1).error_bound is None


@pytest.mark.parametrize(("requests", "bound"), [(1, None), (3, None), (4, 0.75)])
def test_a_bound_is_a_share_or_none(requests: int, bound: float | None) -> None:
    receipt = Receipt("now", requests=requests, errors=0)
    assert receipt.to_json()["errorBound"] == bound
    assert ("too few for a bound" in str(receipt.to_json()["bound"])) == (bound is None)
    assert ("at 95 %" in "\n".join(lines(receipt))) == (bound is not None)
