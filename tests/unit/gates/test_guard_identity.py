"""The guard of a stack and one of the same project and name with another state."""

import asyncio

import pytest

from switchyard.errors import GateRefusedError
from switchyard.manifests.ownership_marks import ADOPTED, IDENTITY, Mark
from tests.support.guarded_objects import OURS, serving
from tests.support.guards import Make, delete, make

__all__ = ["make"]

MINE, NAMESAKE = (Mark("switchyard", "test", identity) for identity in ("1a", "2b"))


@pytest.mark.parametrize(
    ("mark", "known", "refused"),
    [
        (MINE, False, False),  # an update that was cut off between the write and the record
        (NAMESAKE, False, True),
        (NAMESAKE, True, True),  # the other state took it over, which keeps the UID
        (OURS, True, False),  # an earlier version of the program wrote it, for this state
        (OURS, False, True),  # the same, for whoever
    ],
)
def test_a_stack_of_the_same_name_in_another_state_is_another_stack(
    make: Make, mark: Mark, *, known: bool, refused: bool
) -> None:
    guard, table, _ = make(serving(mark), mark=MINE)
    account = serving(mark)["serviceaccounts", "backend"]
    if refused:
        with pytest.raises(GateRefusedError, match="of another state"):
            asyncio.run(guard.before_write(account, account if known else None))
    else:
        asyncio.run(guard.before_write(account, account if known else None))
    assert table.patched == []


def test_a_service_account_recreated_beside_objects_of_an_earlier_version_is_written(make: Make) -> None:
    objects = serving(OURS)
    account = objects.pop(("serviceaccounts", "backend"))
    guard, _, _ = make(objects, mark=MINE)
    for manifest in serving().values():
        if "kind" in manifest:
            guard.register(manifest)
    asyncio.run(guard.before_write(account, None))


@pytest.mark.parametrize(("mark", "deleted"), [(MINE, True), (OURS, True), (NAMESAKE, False)])
def test_a_destroy_leaves_what_a_stack_of_the_same_name_has_taken_over(
    make: Make, mark: Mark, *, deleted: bool
) -> None:
    guard, table, said = make(serving(mark), mark=MINE, destroying=True)
    delete(guard, serving(MINE)["services", "backend"])
    assert bool(table.deleted) is deleted
    assert any("stays: it belongs to stack switchyard/test of another state" in line for line in said) is not deleted


def test_an_adopted_object_is_left_without_an_identity_as_well(make: Make) -> None:
    objects = serving(MINE)
    objects["serviceaccounts", "backend"]["metadata"]["annotations"][ADOPTED] = "true"
    guard, table, _ = make(objects, mark=MINE, destroying=True)
    delete(guard, serving()["serviceaccounts", "backend"])
    assert table.patched[0][1][IDENTITY] is None
