"""What an operator must know of a switch that is done is in its receipt, and so in the record."""

from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import AccessDeniedError
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.kube.kube_proxy import Routing
from switchyard.release.plan import Act, Plan
from tests.support.fake_lane import FakeCluster, Lane, Table
from tests.support.observed import observed


@pytest.fixture(autouse=True)
def _gates_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    async def before_switch(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(BlueGreenGates, "before_switch", before_switch)


@pytest.mark.parametrize(
    ("cluster", "doubt", "not_seen"),
    [
        (FakeCluster(nodes=(Routing("a", ready=True, status=503),)), "(SY-P140)", None),
        (FakeCluster(nodes=(Routing("a", ready=True, status=None),)), "(SY-P155)", None),
        (FakeCluster(denied=AccessDeniedError("get", "nodes/proxy", 403, "no")), None, "(SY-P156)"),
    ],
)
@pytest.mark.parametrize("act", [Act.SWITCH, Act.ROLLBACK])
def test_the_receipt_in_the_record_says_what_was_not_seen_to_follow(
    cluster: FakeCluster, doubt: str | None, not_seen: str | None, act: Act
) -> None:
    it = Lane(replace(cluster, api=Table()))
    it.run(Plan(act, observed(release={"drain": {"method": "none"}}), Colour.GREEN))
    assert it.journal.receipt is not None
    kept = it.journal.receipt.to_json()
    for text, code in ((kept["doubt"], doubt), (kept["notSeen"], not_seen)):
        assert text is None if code is None else code in text
