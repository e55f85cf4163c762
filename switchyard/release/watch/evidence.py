"""Judges the requests to a new version: how many fail, and how many are slower than the limit or than before. Pure.

Each question is whether a share of requests is larger than accepted, so that one test answers all of them: a 95th
percentile is above a limit when more than 5 % of the requests take longer.
"""

import math
from dataclasses import dataclass

from switchyard.config.models.watch import Watch
from switchyard.manifests.analysis import QUANTILE
from switchyard.release.watch.samples import Counts
from switchyard.release.watch.sequential import SequentialState, ShareTest, odds, share_of, upper_bound

ACCEPTED_SLOW_SHARE = 1 - QUANTILE
"""Share of requests that may be slower than the limit."""

BAD_ODDS_RATIO = 2.0
"""Minimum odds ratio of a bad share to an accepted one, and of the accepted slow share to the past one."""

MAX_ACCEPTED_SHARE = 0.9
"""Largest share that is accepted, however bad the old colour was."""

MIN_PAST_REQUESTS = 100
"""Number of requests that the old colour must have answered to be used as a reference."""

EARLY_LOOKS = 15
"""Number of readings in addition to one a second, because the first ones are closer together."""

SLOW_SECONDS = 5.0
"""Seconds, in any order, with too many slow requests, before a version is judged bad by its latency."""

ERRORS, LIMIT, PAST = "errors", "latency-limit", "latency-past"
"""Names of the questions of the watch."""


@dataclass(frozen=True)
class Finding:
    """The result for one question of the watch.

    Attributes:
        question: `errors`, `latency-limit` or `latency-past`.
        state: result of the test of the requests.
        total: number of counted requests.
        hits: number of these requests that failed, or were slow.
        accepted: share that is accepted, as a fraction of 1.
        condemned: share that must not pass, as a fraction of 1.
        needed: number of further requests for a verdict if none fails or is slow; 0 for none.
        text: the finding as text.
    """

    question: str
    state: SequentialState
    total: int
    hits: int
    accepted: float
    condemned: float
    needed: int
    text: str


def raised(accepted: float, hits: float, total: float) -> float:
    """The accepted share, or that of the old colour if it was worse: a version must not be worse than the last.

    With too few requests to the old colour, the accepted share applies.

    Args:
        accepted: share that is accepted for every version.
        hits: number of past requests that failed, or were slow.
        total: number of all past requests.
    """
    if total < MIN_PAST_REQUESTS or hits / total <= accepted:
        return accepted
    return min(MAX_ACCEPTED_SHARE, max(accepted, upper_bound(hits, total)))


@dataclass
class _Slow:
    """A question about the latency: whether too many requests take longer than a boundary of the histogram."""

    question: str
    boundary: float
    test: ShareTest
    is_conclusive: bool = True
    slow_seconds: float = 0.0

    def add(self, timed: float, slower: float, seconds: float, possibly_own: float, *, scraped: bool) -> None:
        """Adds the requests of a reading, and its duration if too many of them were slow.

        Prometheus shows many seconds at once: a share of them was slow, which may have been one burst.
        """
        self.test.add(timed, slower, possibly_own)
        if slower > self.test.accepted * timed:
            self.slow_seconds += seconds * slower / timed if scraped else seconds

    @property
    def state(self) -> SequentialState:
        # Where the histogram ends below the limit, what is slower than its end may still be within the limit. And slow
        # requests come in bursts, in which they are not independent: a node that stands still for a second makes all
        # of them slow. A burst condemns nothing, nor does what leaves the whole watch within what is accepted.
        within = self.test.hits <= self.test.accepted * self.test.total
        is_burst = self.slow_seconds < SLOW_SECONDS
        is_open = self.test.state is SequentialState.WORSE and (within or is_burst or not self.is_conclusive)
        return SequentialState.OPEN if is_open else self.test.state


class Evidence:
    """The evidence for and against a new version.

    Half of the chance of a false rollback belongs to the errors, a quarter to each question about the latency, so that
    the chance of all together is the configured one. A bad version would have to pass the very question that
    it fails, so that the chance of a miss is not divided.

    Args:
        watch: the accepted and bad shares, and the error bounds.
        past: requests that the old colour answered before the watch.
    """

    def __init__(self, watch: Watch, past: Counts) -> None:
        self._watch, self._past = watch, past
        self.counts = Counts()
        """Requests of the new version since the watch began."""
        self.possibly_own = 0.0
        """Number of these requests that may be the watch's own, and so do not help a version to pass."""
        self._latency = watch.latency_p95.enabled
        accepted = raised(watch.errors.accepted, past.failed, past.requests)
        self._errors = self._test(accepted, watch.errors.condemned, 0.5 if self._latency else 1.0)
        self._slow: list[_Slow] = []

    def _test(self, accepted: float, condemned: float, part: float) -> ShareTest:
        return ShareTest(
            accepted,
            max(condemned, share_of(BAD_ODDS_RATIO * odds(accepted))),
            false_alarm=self._watch.false_rollback * part,
            missed=self._watch.missed,
            looks=max(1, self._watch.seconds) + EARLY_LOOKS,
        )

    def add(self, counts: Counts, seconds: float = 1.0, possibly_own: float = 0.0, *, scraped: bool = False) -> None:
        """Adds the requests since the last reading.

        Args:
            counts: the requests.
            seconds: seconds since the last reading, or newly covered by scraped samples.
            possibly_own: change of the number of requests that may be the watch's own; below 0 if earlier ones are not.
            scraped: whether the requests are from scrapes, between which many seconds may pass.
        """
        self.counts += counts
        self.possibly_own += possibly_own
        self._errors.add(counts.requests, counts.failed, possibly_own)
        if self._latency and not self._slow and counts.timed:
            self._slow = self._slow_questions(counts)
        for slow in self._slow:
            if slow.boundary in counts.buckets:
                slow.add(counts.timed, counts.slower(slow.boundary), seconds, possibly_own, scraped=scraped)

    def _slow_questions(self, counts: Counts) -> list["_Slow"]:
        finite = sorted(boundary for boundary in counts.buckets if not math.isinf(boundary))
        if not finite:
            return []
        wanted = self._watch.latency_p95.max_seconds
        limit = next((boundary for boundary in finite if boundary >= wanted), finite[-1])
        accepted = raised(ACCEPTED_SLOW_SHARE, self._past_slower(limit), self._past.timed)
        questions = [_Slow(LIMIT, limit, self._slow_test(accepted), is_conclusive=limit >= wanted)]
        known = [boundary for boundary in finite if boundary in self._past.buckets and boundary > 0]
        percentile = self._past.quantile(QUANTILE)
        if percentile is None or self._past.timed < MIN_PAST_REQUESTS or not known:
            return questions
        target = max(percentile, self._watch.latency_p95.ignore_below_seconds, known[0])
        boundary = min(known, key=lambda known_boundary: abs(math.log(known_boundary / target)))
        share = min(MAX_ACCEPTED_SHARE, upper_bound(self._past_slower(boundary), self._past.timed))
        accepted = min(MAX_ACCEPTED_SHARE, max(ACCEPTED_SLOW_SHARE, share_of(BAD_ODDS_RATIO * odds(share))))
        return [*questions, _Slow(PAST, boundary, self._slow_test(accepted))]

    def _past_slower(self, boundary: float) -> float:
        """Number of past requests that certainly took longer than a boundary, which their histogram may lack."""
        own = next((known for known in sorted(self._past.buckets) if known >= boundary), None)
        return 0.0 if own is None else self._past.slower(own)

    def _slow_test(self, accepted: float) -> ShareTest:
        return self._test(accepted, accepted, 0.25)

    @property
    def past(self) -> Counts:
        """Requests that the old colour answered before the watch."""
        return self._past

    @property
    def is_condemned(self) -> bool:
        """Whether the version is judged bad by any question."""
        return SequentialState.WORSE in {self._errors.state, *(slow.state for slow in self._slow)}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The result for each question."""
        findings = [_finding(ERRORS, self._errors, self._errors.state, self._errors_text())]
        findings += [_finding(slow.question, slow.test, slow.state, self._slow_text(slow)) for slow in self._slow]
        if self._latency and not self._slow and self.counts.requests:
            name = f"{self._watch.duration_metric}_bucket"
            text = f"the latency is not known: no pod has a series {name}"
            findings.append(
                Finding(
                    LIMIT,
                    SequentialState.OPEN,
                    0,
                    0,
                    ACCEPTED_SLOW_SHARE,
                    share_of(BAD_ODDS_RATIO * odds(ACCEPTED_SLOW_SHARE)),
                    0,
                    text,
                )
            )
        return tuple(findings)

    def _slow_text(self, slow: "_Slow") -> str:
        counted = f"{_part(slow.test)} took longer than {slow.boundary:g} s"
        if slow.question == PAST:
            past = self._past.slower(slow.boundary) / self._past.timed
            return f"{counted}, compared with {percent(past)} of the old colour's"
        if not slow.is_conclusive:
            limit = f"the limit is {self._watch.latency_p95.max_seconds:g} s"
            return f"{counted}, the largest boundary of {self._watch.duration_metric}, and {limit}"
        return f"{counted}, and {percent(slow.test.accepted)} is accepted"

    def _errors_text(self) -> str:
        test = self._errors
        accepted = f"{percent(test.accepted)} is accepted"
        if test.accepted > self._watch.errors.accepted:
            accepted += ", because the old colour failed as often"
        return f"{_part(test)} failed, and {accepted}"


def _finding(question: str, test: ShareTest, state: SequentialState, text: str) -> Finding:
    return Finding(
        question, state, round(test.total), round(test.hits), test.accepted, test.condemned, test.needed, text
    )


def _part(test: ShareTest) -> str:
    total = f"{round(test.hits)} of {round(test.total)} requests"
    return f"{total} ({percent(test.hits / test.total)})" if test.hits else total


def percent(share: float) -> str:
    """A share in percent with two digits, as text."""
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"
