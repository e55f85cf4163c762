"""Simulated releases, judged by the code that judges real ones. Nothing here is measured on a cluster.

They show how often a good version is rolled back, and how soon a bad version is.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean

from devtools.benchmarks.measure import p95
from switchyard.config.models.watch import Watch
from switchyard.release.watch.evidence import Evidence
from switchyard.release.watch.samples import Counts
from switchyard.release.watch.sequential import SequentialState

LIMIT_SECONDS, USUAL_SECONDS = 0.5, 0.1
"""Boundaries of the simulated histogram: the limit, and a duration that most requests of the past stay below."""


PAST_SECONDS = 300
"""Seconds before the switch for which the requests to the old version are known."""


@dataclass(frozen=True)
class Version:
    """A simulated version.

    Attributes:
        name: description of the version.
        failing: share of its requests that fail.
        over_usual: share that takes longer than `USUAL_SECONDS`.
        over_limit: share of those that takes longer than `LIMIT_SECONDS`.
    """

    name: str
    failing: float
    over_usual: float = 0.02
    over_limit: float = 0.05


BORDER = Version("at the accepted limits: 0.1 % fail, 5 % over the limit", 0.001, over_usual=0.0625, over_limit=0.8)
WORN = Version("no worse than a bad old version: 0.5 % fail, 8 % over the limit", 0.005, over_usual=0.1, over_limit=0.8)
GOOD = Version("good: 0.01 % fail", 0.0001)
BAD = (
    Version("100 % fail", 1.0),
    Version("50 % fail", 0.5),
    Version("8 % fail", 0.08),
    Version("2 % fail", 0.02),
    Version("1 % fail", 0.01),
    Version("three times the 95th percentile", 0.0001, over_usual=0.2),
)


@dataclass(frozen=True)
class Result:
    """The results of simulated releases of one version.

    Attributes:
        name: name of the version.
        rate: requests a second.
        seconds: duration of a watch.
        releases: number of simulated releases.
        condemned: number of releases whose version was judged bad.
        passed: number of releases that passed at the end of the watch.
        requests: average number of requests until a version was judged bad; None when none was.
        p95_seconds: 95th percentile of the time until a version was judged bad.
    """

    name: str
    rate: int
    seconds: int
    releases: int
    condemned: int
    passed: int
    requests: float | None
    p95_seconds: float | None


def hits(generator: random.Random, share: float) -> Iterator[int]:
    """Yields, without end, the number of requests up to the next hit. All requests have the same chance of a hit."""
    while True:
        if share >= 1:
            yield 1
        else:
            yield 1 + int(math.log(1 - generator.random()) / math.log1p(-share))


class Draw:
    """Draws how many of some requests are hits.

    Args:
        generator: generator of random numbers.
        share: probability of each.
    """

    def __init__(self, generator: random.Random, share: float) -> None:
        self._gaps = hits(generator, share) if share > 0 else iter(())
        self._left = next(self._gaps, None)

    def of(self, requests: int) -> int:
        """The hits among the next requests."""
        count = 0
        while self._left is not None and self._left <= requests:
            requests -= self._left
            count += 1
            self._left = next(self._gaps, None)
        if self._left is not None:
            self._left -= requests
        return count


class Traffic:
    """The requests of a version, second by second.

    Args:
        generator: generator of random numbers.
        version: version that answers the requests.
    """

    def __init__(self, generator: random.Random, version: Version) -> None:
        shares = (version.failing, version.over_usual, version.over_limit)
        self._failing, self._usual, self._limit = (Draw(generator, share) for share in shares)

    def of(self, requests: int) -> Counts:
        """The counts of the next requests."""
        over_usual = self._usual.of(requests)
        over_limit = self._limit.of(over_usual)
        buckets = {USUAL_SECONDS: requests - over_usual, LIMIT_SECONDS: requests - over_limit, math.inf: requests}
        return Counts(requests, self._failing.of(requests), buckets)


def release(
    generator: random.Random, version: Version, watch: Watch, rate: int, past: Counts
) -> tuple[SequentialState, int]:
    """One simulated release, judged every second.

    Returns:
        WORSE for a version that was judged bad, otherwise the state at the end of the watch; and the seconds until
        then.
    """
    evidence, traffic = Evidence(watch, past), Traffic(generator, version)
    for second in range(1, watch.seconds + 1):
        evidence.add(traffic.of(rate))
        if evidence.is_condemned:
            return SequentialState.WORSE, second
    passed = all(finding.state is SequentialState.ACCEPTABLE for finding in evidence.findings)
    return SequentialState.ACCEPTABLE if passed else SequentialState.OPEN, watch.seconds


def simulate(version: Version, watch: Watch, rate: int, releases: int, *, past: Version | None, seed: int) -> Result:
    """Simulates releases of one version.

    Args:
        version: the new one.
        watch: the settings.
        rate: requests a second.
        releases: how many.
        past: the old version, whose requests of the last 300 s are known; None if no earlier requests are known.
        seed: seed of the random numbers.
    """
    generator = random.Random(seed)  # noqa: S311 - chance, not secrecy
    outcomes = []
    for _ in range(releases):
        known = Counts() if past is None else Traffic(generator, past).of(PAST_SECONDS * rate)
        outcomes.append(release(generator, version, watch, rate, known))
    condemned = [seconds for state, seconds in outcomes if state is SequentialState.WORSE]
    return Result(
        version.name,
        rate,
        watch.seconds,
        releases,
        len(condemned),
        sum(state is SequentialState.ACCEPTABLE for state, _ in outcomes),
        rate * mean(condemned) if condemned else None,
        p95(condemned) if condemned else None,
    )


def run(releases: int, bad_releases: int = 500) -> list[Result]:
    """Simulates good releases with the default settings, and bad ones at two rates."""
    watch = Watch()
    good = [
        simulate(version, watch, 50, releases, past=past, seed=13)
        for version, past in ((BORDER, None), (BORDER, BORDER), (WORN, WORN), (GOOD, GOOD))
    ]
    bad = [simulate(version, watch, rate, bad_releases, past=GOOD, seed=13) for version in BAD for rate in (50, 200)]
    return good + bad


def report(results: list[dict[str, object]]) -> list[str]:
    """Renders the simulated verdicts."""
    lines = [
        "",
        "## The watch on simulated requests",
        "",
        "Random requests, judged every second by the code that judges real releases, with the default settings and",
        "without a cluster or an application. The versions of the first four rows are acceptable; at most 1 % of their",
        "releases may be rolled back. In the first row no earlier requests to the old version are known; in the next",
        "three the old version is as good as the new one.",
        "",
        "| new version | requests a second | releases | rolled back | passed | requests until the rollback, mean "
        "| time until the rollback, p95 |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        requests, seconds = result["requests"], result["p95_seconds"]
        until = "- | -" if requests is None else f"{requests:.0f} | {seconds:.0f} s"
        lines.append(
            f"| {result['name']} | {result['rate']} | {result['releases']} | {result['condemned']} | "
            f"{result['passed']} | {until} |"
        )
    return lines
