"""The sequential test keeps its error bounds at every look, and needs as few requests as Wald's formula says."""

import math
import random
from collections.abc import Iterator
from statistics import mean

import pytest

from switchyard.release.watch.sequential import SequentialState, ShareTest, alternatives, upper_bound

BOUND = 0.01


def share_test(accepted: float, condemned: float, *, looks: int = 1, worse: tuple[float, ...] = ()) -> ShareTest:
    """A test with both bounds at 1 %."""
    return ShareTest(accepted, condemned, false_alarm=BOUND, missed=BOUND, looks=looks, worse=worse)


def state_of(test: ShareTest) -> SequentialState:
    return test.state


def formula(share: float, condemned: float, accepted: float = 0.001) -> float:
    """The average number of requests until a verdict, by Wald's formula, which ignores the last request's overshoot."""
    limit = math.log((1 - BOUND) / BOUND)
    condemning = 1 - BOUND if share >= condemned else BOUND
    drift = share * math.log(condemned / accepted) + (1 - share) * math.log((1 - condemned) / (1 - accepted))
    return (condemning - (1 - condemning)) * limit / drift


@pytest.mark.parametrize(("share", "condemned", "requests"), [(0.08, 0.08, 17), (0.01, 0.01, 330), (0.001, 0.01, 680)])
def test_walds_formula_gives_the_known_numbers_of_requests(share: float, condemned: float, requests: int) -> None:
    assert formula(share, condemned) == pytest.approx(requests, rel=0.05)


def plain(condemned: float) -> ShareTest:
    """Wald's own test of two shares."""
    return share_test(0.001, condemned, worse=(condemned,))


def requests_until(share: float, condemned: float, generator: random.Random) -> tuple[SequentialState, int]:
    test = plain(condemned)
    while test.state is SequentialState.OPEN:
        test.add(1, generator.random() < share)
    return test.state, round(test.total)


@pytest.mark.parametrize(
    ("share", "condemned", "state"),
    [
        (0.08, 0.08, SequentialState.WORSE),
        (0.01, 0.01, SequentialState.WORSE),
        (0.001, 0.01, SequentialState.ACCEPTABLE),
    ],
)
def test_simulated_verdicts_take_as_many_requests_as_the_formula_says(
    share: float, condemned: float, state: SequentialState
) -> None:
    generator = random.Random(1945)  # noqa: S311 - chance, not secrecy
    verdicts = [requests_until(share, condemned, generator) for _ in range(1000)]
    least = formula(share, condemned)
    # The formula takes no account of how far the last request goes beyond the threshold, which is one failure at most.
    drift = share * math.log(condemned / 0.001) + (1 - share) * math.log((1 - condemned) / 0.999)
    most = least + (math.log(condemned / 0.001) / drift if state is SequentialState.WORSE else 0)
    average = mean(count for _, count in verdicts)
    print(f"simulated: {average:.0f} requests on average, by the formula {least:.0f}")
    assert 0.95 * least <= average <= 1.05 * most
    assert sum(found is not state for found, _ in verdicts) / len(verdicts) <= 0.015


def batches(generator: random.Random, share: float, size: int, looks: int) -> Iterator[int]:
    for _ in range(looks):
        yield sum(generator.random() < share for _ in range(size))


def fixed_test_condemns(total: int, hits: int, accepted: float) -> bool:
    """A test of a fixed number of requests at 1 %, by the normal approximation."""
    return hits >= 2 and hits - total * accepted > 2.326 * math.sqrt(total * accepted * (1 - accepted))


def test_looking_again_and_again_does_not_raise_the_rate_of_false_alarms() -> None:
    generator = random.Random(7)  # noqa: S311 - chance, not secrecy
    releases, size, looks, accepted = 400, 50, 120, 0.02
    sequential = repeated = 0
    for _ in range(releases):
        test = ShareTest(accepted, 0.08, looks=looks, false_alarm=0.05, missed=0.05)
        total = hits = 0
        condemned = fixed = False
        for batch in batches(generator, accepted, size, looks):
            test.add(size, batch)
            total, hits = total + size, hits + batch
            condemned = condemned or test.state is SequentialState.WORSE
            fixed = fixed or fixed_test_condemns(total, hits, accepted)
        sequential += condemned
        repeated += fixed
    assert sequential / releases <= 0.05
    assert repeated / releases > 0.1, "a test at 1 % that is repeated at each look has to exceed its rate by far"


def test_one_failure_condemns_nothing() -> None:
    test = share_test(0.00001, 0.01)
    test.add(1, 1)
    assert state_of(test) is SequentialState.OPEN
    test.add(1, 1)
    assert state_of(test) is SequentialState.WORSE


def test_a_version_that_becomes_worse_late_is_condemned_soon() -> None:
    test = share_test(0.001, 0.01, looks=300)
    for _ in range(200):
        test.add(50, 0)
    assert state_of(test) is SequentialState.ACCEPTABLE
    for _ in range(3):
        test.add(50, 4)  # 8 %
    assert state_of(test) is SequentialState.WORSE


def test_looks_beyond_the_planned_ones_are_no_further_chances() -> None:
    test = share_test(0.001, 0.01, looks=2)
    for _ in range(10_000):
        test.add(50, 0)
    assert state_of(test) is SequentialState.ACCEPTABLE
    assert math.isfinite(test.total)


def test_needed_requests_are_exactly_enough_to_pass() -> None:
    test = share_test(0.001, 0.01)
    test.add(100, 1)
    needed = test.needed
    test.add(needed - 1, 0)
    assert state_of(test) is SequentialState.OPEN
    test.add(1, 0)
    assert state_of(test) is SequentialState.ACCEPTABLE
    assert test.needed == 0


def test_more_hits_than_requests_are_taken_for_all_of_them() -> None:
    test = share_test(0.001, 0.01)
    test.add(10, 12)
    assert test.hits == 10


def test_alternatives_rise_from_the_condemned_share_to_most_requests() -> None:
    shares = alternatives(0.01)
    assert [round(share, 2) for share in shares] == [0.01, 0.06, 0.27, 0.69]
    assert alternatives(0.95) == (0.95,)


def test_the_bound_of_a_share_is_above_it_and_falls_with_more_requests() -> None:
    assert 0.01 < upper_bound(100, 10_000) < upper_bound(10, 1000) < 0.03
    assert upper_bound(0, 10_000) < 0.001
