"""One-sided exact bounds at 95 % by Clopper and Pearson for a sample of successes and failures. Pure functions.

C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26 (1934), 404-413. With 0 in n the upper bound is 1 - 0.05 ** (1 / n), which is under 3/n.
"""

import math
from collections.abc import Callable

CHANCE = 0.05
"""Probability that a bound is wrong."""

_HALVINGS = 60


def upper_bound(hits: int, total: int) -> float:
    """The upper bound of the true share at 95 %; 1 without a sample.

    Args:
        hits: in the sample.
        total: size of the sample.
    """
    if hits >= total:
        return 1.0
    return _root(lambda share: _at_most(hits, total, share) > CHANCE)


def lower_bound(hits: int, total: int) -> float:
    """The lower bound of the true share at 95 %; 0 without a sample.

    Args:
        hits: in the sample.
        total: size of the sample.
    """
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
    """The probability of at most so many hits in a binomial sample. It sums the shorter tail."""
    if 2 * hits <= total:
        return math.fsum(_chance(count, total, share) for count in range(hits + 1))
    return 1 - math.fsum(_chance(count, total, share) for count in range(hits + 1, total + 1))


def _chance(count: int, total: int, share: float) -> float:
    ways = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
    return math.exp(ways + count * math.log(share) + (total - count) * math.log1p(-share))
