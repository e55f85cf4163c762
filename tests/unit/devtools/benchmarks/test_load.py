"""The evaluation of a recorded load: the assertions can fail, and report what happened."""

import pytest

from devtools.benchmarks.load import Request
from devtools.benchmarks.long_run import failure_bound
from devtools.benchmarks.traffic import BIN_SECONDS, columns
from tests.support.load import assert_new_connections_go, assert_nobody_noticed


def request(
    sent: float, colour: str, *, node: str = "n1", keep_alive: bool = False, status: int = 200, took: float = 0.01
) -> Request:
    return Request(sent, sent, sent + took, status, "", node, colour, f"v-{colour}", "pod", keep_alive)


def steady(colours: str, **changes: object) -> list[Request]:
    """A request every tenth of a second, by the first letter of its colour."""
    names = {"b": "blue", "g": "green"}
    return [request(number / 10, names[letter], **changes) for number, letter in enumerate(colours)]  # type: ignore[arg-type]


def test_a_switch_that_stays_passes() -> None:
    assert_new_connections_go(steady("bbbggg"), ["blue", "green"])
    assert_new_connections_go(steady("bbgggbbb"), ["blue", "green", "blue"])


def test_an_answer_of_the_old_colour_after_the_new_one_is_detected() -> None:
    with pytest.raises(AssertionError, match="blue after"):
        assert_new_connections_go(steady("bbbgbg"), ["blue", "green"])


def test_an_answer_in_flight_at_the_switch_is_allowed() -> None:
    late = request(0.25, "blue", took=0.2)
    assert_new_connections_go([*steady("bbbggg"), late], ["blue", "green"])


def test_a_missing_switch_is_detected() -> None:
    with pytest.raises(AssertionError, match="expected"):
        assert_new_connections_go(steady("bbbb"), ["blue", "green"])


def test_kept_connections_may_stay_with_the_old_colour() -> None:
    kept = steady("bbbbbbbb", keep_alive=True)
    assert_new_connections_go([*steady("bbbggg"), *kept], ["blue", "green"])


def every_kind(**changes: object) -> list[Request]:
    return [
        request
        for node in ("n1", "n2")
        for keep_alive in (False, True)
        for request in steady("b" * 100, node=node, keep_alive=keep_alive, **changes)
    ]


def test_a_single_failed_request_is_detected_and_shown() -> None:
    assert_nobody_noticed(every_kind())
    with pytest.raises(AssertionError, match="1 of 401 failed"):
        assert_nobody_noticed([*every_kind(), request(3, "blue", status=502)])


def test_a_load_without_a_node_or_a_kind_of_connection_is_refused() -> None:
    with pytest.raises(AssertionError):
        assert_nobody_noticed([request for request in every_kind() if request.node == "n1"])
    with pytest.raises(AssertionError):
        assert_nobody_noticed([request for request in every_kind() if request.keep_alive])
    with pytest.raises(AssertionError):
        assert_nobody_noticed([])


@pytest.mark.parametrize(
    ("requests", "failed", "bound"),
    [
        # Without failures 1 - 0.05^(1/n); with some, the Clopper-Pearson bounds of the usual tables.
        (1_000_000, 0, 2.9957e-6),
        (100, 0, 0.029513),
        (100, 1, 0.046560),
        (100, 5, 0.102253),
    ],
)
def test_the_bound_on_the_rate_of_failures_is_the_exact_one(requests: int, failed: int, bound: float) -> None:
    assert failure_bound(requests, failed) == pytest.approx(bound, rel=1e-4)


def test_answers_are_counted_by_version_and_time_and_failures_by_themselves() -> None:
    requests = [request(0.0, "blue"), request(0.05, "blue"), request(BIN_SECONDS, "green", took=0.02)]
    requests += [request(0.0, "", status=0), request(0.0, "blue", keep_alive=True)]
    assert columns(requests, since=0.0) == {"v-blue": [2, 0], "v-green": [0, 1], "failed": [1, 0]}
