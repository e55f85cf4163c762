"""One-sided exact bounds at 95 % by Clopper and Pearson for a sample of successes and failures. Pure functions.

C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26 (1934), 404-413. With 0 in n the upper bound is 1 - 0.05 ** (1 / n), which is under 3/n.
"""

import math
import sys
from collections.abc import Callable, Iterator

CHANCE = 0.05
"""Probability that a bound is wrong."""

LARGEST = 10**9
"""Largest sample that is computed as it is, which takes a second at most. A larger one counts as one of this size with
the same share, whose bounds are wider and hold all the more.
"""

_HALVINGS = 60


def upper_bound(hits: int, total: int) -> float:
    """The upper bound of the true share at 95 %; 1 without a sample.

    Args:
        hits: in the sample.
        total: size of the sample.
    """
    if total > LARGEST:
        hits, total = -(-hits * LARGEST // total), LARGEST
    if hits >= total:
        return 1.0
    return _root(lambda share: _at_most(hits, total, share) > CHANCE)


def lower_bound(hits: int, total: int) -> float:
    """The lower bound of the true share at 95 %; 0 without a sample.

    Args:
        hits: in the sample.
        total: size of the sample.
    """
    if total > LARGEST:
        hits, total = hits * LARGEST // total, LARGEST
    if hits <= 0:
        return 0.0
    return _root(lambda share: 1 - _at_most(hits - 1, total, share) < CHANCE)


def _root(is_below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2


def _at_most(hits: int, total: int, share: float) -> float:
    """The probability of at most so many hits in a binomial sample, by the tail that has less than half of it."""
    hit, miss = math.log(share), math.log1p(-share)
    if hits < share * total:
        return math.fsum(_terms(hits, total, hit, miss))
    return 1 - math.fsum(_terms(total - hits - 1, total, miss, hit))


def _terms(hits: int, total: int, hit: float, miss: float) -> Iterator[float]:
    """The probabilities of so many hits, of one less, and so on, as long as they change their sum.

    They are fewer than the expected number of hits, so that each term is smaller than the one before. The terms become
    too small after some standard deviations, of which the number of terms is a multiple.

    Args:
        hits: the largest number of hits.
        total: size of the sample.
        hit: logarithm of the probability of a hit.
        miss: logarithm of the probability of the opposite.
    """
    ways = math.lgamma(total + 1) - math.lgamma(hits + 1) - math.lgamma(total - hits + 1)
    term, odds = math.exp(ways + hits * hit + (total - hits) * miss), math.exp(miss - hit)
    least = term * sys.float_info.epsilon
    while term > least:
        yield term
        term *= odds * hits / (total - hits + 1)
        hits -= 1
