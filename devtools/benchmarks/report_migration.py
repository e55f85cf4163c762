"""The section of `docs/benchmarks.md` on releases that migrate a database."""

from collections import Counter
from typing import Any

from devtools.benchmarks.measure import median
from devtools.benchmarks.migrated_service import BAD_SHARE, WATCH_SECONDS
from devtools.benchmarks.targets import target
from switchyard.release.report.proportions import CHANCE, upper_bound

RELEASES = 20
"""The number of releases in which there may be no exception."""


def migration(results: dict[str, Any]) -> list[str]:
    """Renders the exceptions over the releases, with the bound that the sample supports."""
    releases, exceptions, lost = results["releases"], results["exceptions"], len(results["lost"])
    failed: Counter[str] = Counter(results["failed"])
    total, confidence = results["requests"], 1 - CHANCE
    is_met = not exceptions and not failed and not lost and len(releases) >= RELEASES
    orders = results["acknowledged"] + results["first"]
    seconds = [release["seconds"] for release in releases]
    both = sum(len(release["answered"]) > 1 for release in releases)
    methods = ", ".join(f"{count:,} {method}" for method, count in sorted(results["methods"].items()))
    lines = [
        "",
        "## A migration of a database in each release",
        "",
        f"**{exceptions} exceptions in {len(releases)} releases** {target(f'none in {RELEASES}', is_met)}. With "
        f"{confidence:.0%} confidence, fewer than {upper_bound(exceptions, len(releases)):.0%} of such releases have "
        "an exception. An exception is a failed request, an answer whose content differs from what was acknowledged, a "
        "hook or a release that did not pass, or an old column that still exists.",
        "",
        f"- {sum(failed.values())} of {total:,} requests failed; with {confidence:.0%} confidence, fewer than "
        f"{upper_bound(sum(failed.values()), total) * 1e6:.0f} in a million fail",
        f"- {lost} of {orders:,} orders, read after the last release, lacked the name that was acknowledged last",
        f"- the slowest request took {results['longest']:.2f} s, 99 % took at most {results['p99']:.2f} s",
        f"- a release took {median(seconds):.0f} s (median), at most {max(seconds):.0f} s; both versions answered "
        f"requests in {both} of {len(releases)}",
        "",
        "`switchyard deploy` releases a service of three pods on two real nodes, alternating between versions that use "
        "the column `customer` and versions that use `buyer`. Job `migrations.expand` runs at "
        "`beforeWarm`, Job `migrations.contract` at `beforeRetire`, so that every release adds a column and drops one. "
        f"A load of {results['rate']} requests a second ({methods}) runs throughout, over the NodePorts of both nodes; "
        f"half of the clients keep their connections open. The watch takes {WATCH_SECONDS} s, judges a version bad at "
        f"{BAD_SHARE:.0%} of failed requests and does not judge latency; there is no bake.",
        "",
        "The database is one SQLite file on a PersistentVolume. The nodes are namespaces of one machine, so all pods "
        "and Jobs lock the same file in one kernel. The measurement shows that every statement of both versions "
        "matches the schema at every moment of a release. It does not cover a database server, the network to it, or "
        "a file system that machines share, on which SQLite must not be used in this way.",
    ]
    if failed:
        lines += ["", "Failures by cause:", "", *(f"- {count}x {cause}" for cause, count in failed.most_common())]
    ends = [f"- {release['tag']}: {release['detail']}" for release in releases if release["detail"]]
    return [*lines, "", "Releases that did not succeed:", "", *ends] if ends else lines
