"""Assertions about a release from a recorded load."""

from collections import Counter
from collections.abc import Sequence

from devtools.benchmarks.load import Request

ENOUGH = 400
"""Minimum number of requests of a load from which a test may draw a conclusion."""


def failures(requests: Sequence[Request]) -> list[str]:
    """The failures that a user would have noticed, in the order of their occurrence."""
    return [
        f"{request.sent:.3f} {request.node} {'kept' if request.keep_alive else 'new'} connection: "
        f"{request.status} {request.error} {request.colour} {request.pod} after {request.done - request.sent:.3f} s"
        for request in requests
        if request.failed
    ]


def assert_nobody_noticed(requests: Sequence[Request]) -> None:
    """Asserts that there was load, over every node and in both ways, and that no request of it failed."""
    ways = Counter((request.node, request.keep_alive) for request in requests)
    assert len(ways) == 4, ways
    assert min(ways.values()) >= ENOUGH / 4, ways
    lines = failures(requests)
    assert not lines, f"{len(lines)} of {len(requests)} failed:\n" + "\n".join(lines[:20])


def assert_new_connections_go(requests: Sequence[Request], colours: Sequence[str]) -> None:
    """Asserts the colours that new connections got over each node, in order, each for good.

    An answer of the old colour to a request that was sent after one of the new colour had arrived, over the same
    node, is a switch back; one to a request that was already in flight is not.
    """
    for node in sorted({request.node for request in requests}):
        current, since = 0, 0.0
        answered = [request for request in requests if request.node == node and not request.keep_alive]
        for request in sorted(answered, key=lambda request: request.done):
            if request.failed or request.colour == colours[current] or request.sent <= since:
                continue
            assert colours[current + 1 : current + 2] == [request.colour], (
                f"{node}: {request.colour} after {colours[: current + 1]}, expected {colours}"
            )
            current, since = current + 1, request.done
        assert current == len(colours) - 1, f"{node}: {colours[: current + 1]}, expected {colours}"
