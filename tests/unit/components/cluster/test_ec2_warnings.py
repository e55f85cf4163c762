"""From when on a snapshot of etcd is due."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from components.cluster.ec2_warnings import snapshot_due
from switchyard.errors import UnreachableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.nodes import LiveNode
from tests.support.machines import cluster

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


class Api:
    """An API server with a clock of its own, which may not answer."""

    def __init__(self, *, answers: bool = True) -> None:
        self._answers = answers

    async def api(self) -> "Api":
        return self

    async def date(self) -> datetime:
        if not self._answers:
            raise UnreachableError("no answer")
        return NOW


def due(created: datetime | None, *, answers: bool = True) -> datetime | None:
    live = {"k8s-master": LiveNode(created=created)}
    return snapshot_due(cluster(), cast("ClusterAccess", Api(answers=answers)), live)


def test_a_snapshot_is_due_by_the_clock_of_the_api_server() -> None:
    assert due(NOW - timedelta(days=1)) == NOW - timedelta(minutes=45)


@pytest.mark.parametrize(("created", "answers"), [(NOW, True), (None, True), (NOW - timedelta(days=1), False)])
def test_none_is_due_on_a_new_machine_or_without_an_answer(created: datetime | None, *, answers: bool) -> None:
    assert due(created, answers=answers) is None
