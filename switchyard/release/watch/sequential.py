"""A sequential test of a share of requests, which needs few requests and may be evaluated at any time.

The test is Wald's sequential probability ratio test (A. Wald, "Sequential Tests of Statistical Hypotheses", Annals of
Mathematical Statistics 16, 1945) in the form of a mixture. The likelihood of the requests seen under a worse share is
divided by that under the accepted one. The average of such ratios over several worse shares, and over several moments
at which a version may have become worse, is a non-negative martingale as long as the version is no worse than
accepted, so that it ever exceeds 1/a with a chance of at most a (J. Ville, 1939): looking at it each second costs
nothing. By the same inequality the ratio for the bad share falls below b with a chance of at most b while
the version fails that often.
"""

import math
from enum import StrEnum

LEAST_HITS = 2
"""Number of failed or slow requests before a version is judged bad. A single one may have another cause."""

STEP = 6.0
"""Ratio of the odds of two neighbouring alternatives: from 1 % on these are 1, 6, 27 and 69 %."""

LARGEST = 0.6
"""Share from which on no further alternative is needed."""

FROM_THE_START = 0.5
"""Weight of the alternative that a version has been worse from its first request on; the rest is for later moments."""


class SequentialState(StrEnum):
    """The result of the test so far."""

    OPEN = "open"
    ACCEPTABLE = "acceptable"
    WORSE = "worse"


def odds(share: float) -> float:
    """The odds of a share below 1."""
    return share / (1 - share)


def share_of(value: float) -> float:
    """The share that has these odds."""
    return value / (1 + value)


def alternatives(condemned: float) -> tuple[float, ...]:
    """The worse shares that a test can detect: the bad one, and larger ones."""
    shares = [condemned]
    while shares[-1] < LARGEST:
        shares.append(share_of(odds(shares[-1]) * STEP))
    return tuple(shares)


class ShareTest:
    """A sequential test whether a share of requests is at most the accepted one, or as large as the bad one.

    Args:
        accepted: the largest share that must not be judged bad, above 0 and below 1.
        condemned: the smallest share that must not pass.
        false_alarm: chance that an accepted share is ever called worse.
        missed: chance that a bad share is ever called acceptable.
        looks: number of readings that the mixture of moments covers; later readings are not in it.
        worse: shares that the test can detect; without them those of `alternatives`.
    """

    def __init__(
        self,
        accepted: float,
        condemned: float,
        *,
        false_alarm: float,
        missed: float,
        looks: int = 1,
        worse: tuple[float, ...] = (),
    ) -> None:
        self.accepted, self.condemned = accepted, condemned
        self.total = self.hits = 0.0
        shares = worse or alternatives(condemned)
        self._hit = [math.log(share / accepted) for share in shares]
        self._miss = [math.log((1 - share) / (1 - accepted)) for share in shares]
        self._ratio = self._hit_and_miss(condemned)
        self._passing = 0.0
        self._limits = -math.log(false_alarm), math.log(missed)
        self._first = math.log((FROM_THE_START if looks > 1 else 1) / len(shares))
        self._later = math.log((1 - FROM_THE_START) / (looks - 1) / len(shares)) if looks > 1 else -math.inf
        self._left = looks
        self._evidence = [-math.inf] * len(shares)

    def _hit_and_miss(self, share: float) -> tuple[float, float]:
        return math.log(share / self.accepted), math.log((1 - share) / (1 - self.accepted))

    def add(self, total: float, hits: float, possibly_own: float = 0.0) -> None:
        """Adds the requests since the last reading.

        Args:
            total: number of all requests.
            hits: number of requests that failed, or were slow.
            possibly_own: how many more may be no users' requests, which let no version pass; fewer than 0 where some of
                before are users' after all.
        """
        hits = min(hits, total)
        start = self._start()
        self._evidence = [
            _log_sum(evidence, start) + hits * hit + (total - hits) * miss
            for evidence, hit, miss in zip(self._evidence, self._hit, self._miss, strict=True)
        ]
        hit, miss = self._ratio
        self._passing += hits * hit + (total - possibly_own - hits) * miss
        self.total += total
        self.hits += hits

    def _start(self) -> float:
        """Weight of the alternative that the version becomes worse at this reading. All weights sum to at most 1."""
        if not self._left:
            return -math.inf
        self._left -= 1
        first, self._first = self._first, self._later
        return first

    @property
    def state(self) -> SequentialState:
        """The present result of the test."""
        condemning, passing = self._limits
        if self.hits >= LEAST_HITS and _log_total(self._evidence) >= condemning:
            return SequentialState.WORSE
        return SequentialState.ACCEPTABLE if self._passing <= passing else SequentialState.OPEN

    @property
    def needed(self) -> int:
        """Number of further requests after which the share is acceptable if none fails or is slow."""
        _, miss = self._ratio
        return max(0, math.ceil((self._passing - self._limits[1]) / -miss))


def upper_bound(hits: float, total: float, deviations: float = 2.576) -> float:
    """An upper bound of the true share, by Wilson's interval; 2.576 standard deviations are 99.5 %."""
    squared, share = deviations**2, hits / total
    centre = share + squared / (2 * total)
    spread = deviations * math.sqrt(share * (1 - share) / total + squared / (4 * total**2))
    return (centre + spread) / (1 + squared / total)


def _log_sum(first: float, second: float) -> float:
    """The logarithm of a sum, from the logarithms of its terms."""
    larger, smaller = max(first, second), min(first, second)
    return larger if smaller == -math.inf else larger + math.log1p(math.exp(smaller - larger))


def _log_total(logarithms: list[float]) -> float:
    largest = max(logarithms)
    if largest == -math.inf:
        return largest
    return largest + math.log(sum(math.exp(value - largest) for value in logarithms))
