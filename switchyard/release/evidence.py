"""Judges the requests to a new version: how many fail, and how many are slower than the limit or than before. Pure.

Each question is whether a share of requests is larger than accepted, so that one test answers all of them: a 95th
percentile is above a limit when more than 5 % of the requests take longer.
"""

import math
from dataclasses import dataclass

from switchyard.config.models.watch import Watch
from switchyard.manifests.analysis import QUANTILE
from switchyard.release.samples import Counts
from switchyard.release.sequential import ShareTest, State, odds, share_of, upper_bound

SLOW = 1 - QUANTILE
"""Share of requests that may be slower than the limit."""

TWICE = 2.0
"""Odds ratio between an accepted and a condemned share of slow requests, and between the past and the present."""

MOST = 0.9
"""Largest share that is accepted, however bad the old colour was."""

LEAST_PAST = 100
"""Number of requests that the old colour must have answered to be used as a reference."""

EARLY_LOOKS = 15
"""Readings in addition to one a second, because those at the beginning of a watch are closer together."""

SLOW_SECONDS = 5.0
"""Seconds, in any order, in which too many requests must have been slow before the latency condemns a version."""

ERRORS, LIMIT, PAST = "errors", "latency-limit", "latency-past"
"""The questions."""


@dataclass(frozen=True)
class Finding:
    """The result for one question of the watch.

    Attributes:
        question: `errors`, `latency-limit` or `latency-past`.
        state: what the requests show.
        total: requests that were counted.
        hits: those that failed, or were slow.
        accepted: share that is accepted, as a fraction of 1.
        condemned: share that must not pass, as a fraction of 1.
        needed: further requests that the verdict takes if none fails or is slow; 0 when it takes none.
        text: all of this in words.
    """

    question: str
    state: State
    total: int
    hits: int
    accepted: float
    condemned: float
    needed: int
    text: str


def raised(accepted: float, hits: float, total: float) -> float:
    """The accepted share, or that of the old colour if it was worse: a version must be no worse than the last one.

    With too few requests to the old colour, the accepted share applies.

    Args:
        accepted: share that is accepted for every version.
        hits: requests of the past that failed, or were slow.
        total: all requests of the past.
    """
    if total < LEAST_PAST or hits / total <= accepted:
        return accepted
    return min(MOST, max(accepted, upper_bound(hits, total)))


@dataclass
class _Slow:
    """A question about the latency: whether too many requests take longer than a boundary of the histogram."""

    question: str
    boundary: float
    test: ShareTest
    is_conclusive: bool = True
    slow_seconds: float = 0.0

    def add(self, timed: float, slower: float, seconds: float, doubtful: float, *, scraped: bool) -> None:
        """Adds the requests of a reading, and its duration if too many of them were slow.

        Prometheus shows many seconds at once: a share of them was slow, which may have been one burst.
        """
        self.test.add(timed, slower, doubtful)
        if slower > self.test.accepted * timed:
            self.slow_seconds += seconds * slower / timed if scraped else seconds

    @property
    def state(self) -> State:
        # Where the histogram ends below the limit, what is slower than its end may still be within the limit. And slow
        # requests come in bursts, in which they are not independent: a node that stands still for a second makes all
        # of them slow. A burst condemns nothing, nor does what leaves the whole watch within what is accepted.
        within = self.test.hits <= self.test.accepted * self.test.total
        is_burst = self.slow_seconds < SLOW_SECONDS
        is_open = self.test.state is State.WORSE and (within or is_burst or not self.is_conclusive)
        return State.OPEN if is_open else self.test.state


class Evidence:
    """The evidence for and against a new version.

    Half of the chance of a false rollback belongs to the errors, a quarter to each question about the latency, so that
    the chance of all together is the configured one. Whatever is bad enough to be condemned must pass one question that
    it fails, so that the chance of a miss is not divided.

    Args:
        watch: what is accepted and condemned, and the error bounds.
        past: requests that the old colour has answered.
    """

    def __init__(self, watch: Watch, past: Counts) -> None:
        self._watch, self._past = watch, past
        self.counts = Counts()
        """Requests of the new version since the watch began."""
        self.doubtful = 0.0
        """Those of them that may be the watch's own, and let no version pass."""
        self._latency = watch.latency_p95.enabled
        accepted = raised(watch.errors.accepted, past.failed, past.requests)
        self._errors = self._test(accepted, watch.errors.condemned, 0.5 if self._latency else 1.0)
        self._slow: list[_Slow] = []

    def _test(self, accepted: float, condemned: float, part: float) -> ShareTest:
        return ShareTest(
            accepted,
            max(condemned, share_of(TWICE * odds(accepted))),
            false_alarm=self._watch.false_rollback * part,
            missed=self._watch.missed,
            looks=max(1, self._watch.seconds) + EARLY_LOOKS,
        )

    def add(self, counts: Counts, seconds: float = 1.0, doubtful: float = 0.0, *, scraped: bool = False) -> None:
        """Adds the requests since the last reading.

        Args:
            counts: the requests.
            seconds: since the last look, or that what was scraped has shown for the first time.
            doubtful: how many more of all requests may be the watch's own; fewer than 0 where some of before are not.
            scraped: whether they are of scrapes, between which many seconds may be.
        """
        self.counts += counts
        self.doubtful += doubtful
        self._errors.add(counts.requests, counts.failed, doubtful)
        if self._latency and not self._slow and counts.timed:
            self._slow = self._slow_questions(counts)
        for slow in self._slow:
            if slow.boundary in counts.buckets:
                slow.add(counts.timed, counts.slower(slow.boundary), seconds, doubtful, scraped=scraped)

    def _slow_questions(self, counts: Counts) -> list["_Slow"]:
        finite = sorted(boundary for boundary in counts.buckets if not math.isinf(boundary))
        if not finite:
            return []
        wanted = self._watch.latency_p95.max_seconds
        limit = next((boundary for boundary in finite if boundary >= wanted), finite[-1])
        accepted = raised(SLOW, self._past_slower(limit), self._past.timed)
        questions = [_Slow(LIMIT, limit, self._slow_test(accepted), is_conclusive=limit >= wanted)]
        known = [boundary for boundary in finite if boundary in self._past.buckets and boundary > 0]
        percentile = self._past.quantile(QUANTILE)
        if percentile is None or self._past.timed < LEAST_PAST or not known:
            return questions
        target = max(percentile, self._watch.latency_p95.ignore_below_seconds, known[0])
        boundary = min(known, key=lambda known_boundary: abs(math.log(known_boundary / target)))
        share = min(MOST, upper_bound(self._past_slower(boundary), self._past.timed))
        accepted = min(MOST, max(SLOW, share_of(TWICE * odds(share))))
        return [*questions, _Slow(PAST, boundary, self._slow_test(accepted))]

    def _past_slower(self, boundary: float) -> float:
        """Requests of the past that took longer than a boundary for certain, which its histogram need not have."""
        own = next((known for known in sorted(self._past.buckets) if known >= boundary), None)
        return 0.0 if own is None else self._past.slower(own)

    def _slow_test(self, accepted: float) -> ShareTest:
        return self._test(accepted, accepted, 0.25)

    @property
    def past(self) -> Counts:
        """Requests that the old colour had answered."""
        return self._past

    @property
    def is_condemned(self) -> bool:
        """Whether any question condemns the version."""
        return State.WORSE in {self._errors.state, *(slow.state for slow in self._slow)}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The result for each question."""
        findings = [_finding(ERRORS, self._errors, self._errors.state, self._errors_text())]
        findings += [_finding(slow.question, slow.test, slow.state, self._slow_text(slow)) for slow in self._slow]
        if self._latency and not self._slow and self.counts.requests:
            name = f"{self._watch.duration_metric}_bucket"
            text = f"the latency is not known: no pod has a series {name}"
            findings.append(Finding(LIMIT, State.OPEN, 0, 0, SLOW, share_of(TWICE * odds(SLOW)), 0, text))
        return tuple(findings)

    def _slow_text(self, slow: "_Slow") -> str:
        counted = f"{_part(slow.test)} took longer than {slow.boundary:g} s"
        if slow.question == PAST:
            past = self._past.slower(slow.boundary) / self._past.timed
            return f"{counted}, and of the old colour's {percent(past)}"
        if not slow.is_conclusive:
            limit = f"the limit is {self._watch.latency_p95.max_seconds:g} s"
            return f"{counted}, the largest boundary of {self._watch.duration_metric}, and {limit}"
        return f"{counted}, and {percent(slow.test.accepted)} may"

    def _errors_text(self) -> str:
        test = self._errors
        accepted = f"{percent(test.accepted)} is accepted"
        if test.accepted > self._watch.errors.accepted:
            accepted += ", because the old colour failed as often"
        return f"{_part(test)} failed, and {accepted}"


def _finding(question: str, test: ShareTest, state: State, text: str) -> Finding:
    return Finding(
        question, state, round(test.total), round(test.hits), test.accepted, test.condemned, test.needed, text
    )


def _part(test: ShareTest) -> str:
    total = f"{round(test.hits)} of {round(test.total)} requests"
    return f"{total} ({percent(test.hits / test.total)})" if test.hits else total


def percent(share: float) -> str:
    """A share in percent, with two digits."""
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"
