"""The section of `docs/benchmarks.md` on releases that migrate a database."""

from collections import Counter
from typing import Any

from devtools.benchmarks.measure import median
from devtools.benchmarks.migrated_service import CONDEMNED, WATCH_SECONDS
from switchyard.release.proportions import CHANCE, upper_bound

RELEASES = 20
"""In how many releases there is to be no exception."""


def migration(found: dict[str, Any]) -> list[str]:
    """Exceptions over the releases, with what the sample supports."""
    releases, exceptions, lost = found["releases"], found["exceptions"], len(found["lost"])
    failed: Counter[str] = Counter(found["failed"])
    total, sure = found["requests"], 1 - CHANCE
    is_met = not exceptions and not failed and not lost and len(releases) >= RELEASES
    orders = found["acknowledged"] + found["first"]
    seconds = [release["seconds"] for release in releases]
    both = sum(len(release["answered"]) > 1 for release in releases)
    methods = ", ".join(f"{count:,} {method}" for method, count in sorted(found["methods"].items()))
    lines = [
        "",
        "## A migration of a database in each release",
        "",
        f"**{exceptions} exceptions in {len(releases)} releases** (to reach: none in {RELEASES}; "
        f"{'met' if is_met else '**not met**'}). With {sure:.0%} confidence, fewer than "
        f"{upper_bound(exceptions, len(releases)):.0%} of such releases have one. An exception is a failed request, an "
        "answer with other content than was acknowledged, a hook or a release that did not pass, or an old column that "
        "is still there.",
        "",
        f"- {sum(failed.values())} of {total:,} requests failed; with {sure:.0%} confidence, fewer than "
        f"{upper_bound(sum(failed.values()), total) * 1e6:.0f} in a million do",
        f"- {lost} of {orders:,} orders did not have the name that was acknowledged last, read after the last release",
        f"- the slowest request took {found['longest']:.2f} s, 99 % took at most {found['p99']:.2f} s",
        f"- a release took {median(seconds):.0f} s (median), {max(seconds):.0f} s at most; in {both} of "
        f"{len(releases)} both versions answered",
        "",
        "The service of three pods is released by `switchyard deploy` on two real nodes, back and forth between "
        "versions that know the column `customer` and versions that know `buyer`. Job `migrations.expand` runs at "
        "`beforeWarm`, Job `migrations.contract` at `beforeRetire`, so that every release adds a column and drops one. "
        f"The load of {found['rate']} requests a second ({methods}) goes on through all of them, over the NodePorts of "
        f"both nodes, half of the clients with kept connections. The watch takes {WATCH_SECONDS} s, condemns "
        f"{CONDEMNED:.0%} of failed requests and judges no latency; there is no bake.",
        "",
        "The database is one file of SQLite on a PersistentVolume. The nodes are namespaces of one machine, so that "
        "all pods and Jobs lock the same file in one kernel. It shows that every statement of both versions suits the "
        "schema at every moment of a release. It does not show a database server, a network to it, or a file system "
        "that is shared by machines, on which SQLite must not be used like this.",
    ]
    if failed:
        lines += ["", "Failures by cause:", "", *(f"- {count}x {cause}" for cause, count in failed.most_common())]
    ends = [f"- {release['tag']}: {release['detail']}" for release in releases if release["detail"]]
    return [*lines, "", "Releases that did not succeed:", "", *ends] if ends else lines
