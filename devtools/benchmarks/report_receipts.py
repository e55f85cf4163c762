"""The section of `docs/benchmarks.md` on receipts."""

from typing import Any

from devtools.benchmarks.measure import median, p95


def receipts(found: list[dict[str, Any]]) -> list[str]:
    """How often a node that did not follow was named, and how often success was claimed."""
    stalled = [run for run in found if run["stalled"]]
    good = [run for run in found if not run["stalled"]]
    named = sum(run["named"] == [run["stalled"]] for run in stalled)
    claimed = sum(run["followed"] is not False for run in stalled)
    answered = [run["answered"] for run in good if run["answered"] is not None]
    return [
        "",
        "## The receipt of a switch, with a stopped kube-proxy",
        "",
        f"On two real nodes, {len(stalled)} switches by the steps of `switchyard switch` up to the receipt (without "
        "configuration and state), with the kube-proxy of one node "
        f"stopped (SIGSTOP), the nodes in turn, and {len(good)} without a fault. Each node's NodePort is asked through "
        "the API server, over a new connection each time.",
        "",
        "| | switches | named the stopped node, and no other | claimed that every node follows |",
        "|---|---|---|---|",
        f"| one kube-proxy stopped | {len(stalled)} | {named} | {claimed} |",
        f"| no fault | {len(good)} | {sum(bool(run['named']) for run in good)} named one "
        f"| {sum(run['followed'] is True for run in good)} |",
        "",
        "Without a fault the last node was seen to answer with the new version "
        f"{median(answered):.2f} s after the patch (median), {p95(answered):.2f} s (p95).",
    ]
