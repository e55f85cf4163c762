"""What the receipt of a switch has on simulated nodes, whose pods answer no requests."""

from typing import Any


def expect_whole(receipt: dict[str, Any], new: str, old: str) -> None:
    """Asserts that requests were read until the end of the drain, and that the receipt says why none are counted."""
    assert (receipt["readyEndpoints"], receipt["drain"]["method"]) == (3, "none"), receipt
    assert 0 < receipt["patchedAfter"] <= receipt["endpointsAfter"], receipt
    assert (receipt["requests"], receipt["errors"], receipt["lastOldOnKeptConnections"]) == (None, None, None)
    *_, requests, kept = receipt["unseen"]
    assert requests.startswith(f"requests: {new} was not counted: 3 of 3 pods do not answer"), receipt
    assert kept.startswith(f"last answer over kept connections: {old} was not counted: 3 of 3 pods do not"), receipt
