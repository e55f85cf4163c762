"""The section of `docs/benchmarks.md` on receipts."""

from typing import Any

from devtools.benchmarks.measure import median, p95


def receipts(results: list[dict[str, Any]]) -> list[str]:
    """Renders how often the receipt named the stopped node, and how often it reported success."""
    stalled = [run for run in results if run["stalled"]]
    good = [run for run in results if not run["stalled"]]
    named = sum(run["named"] == [run["stalled"]] for run in stalled)
    claimed = sum(run["followed"] is not False for run in stalled)
    answered = [run["answered"] for run in good if run["answered"] is not None]
    return [
        "",
        "## The receipt of a switch, with a stopped kube-proxy",
        "",
        f"On two real nodes: {len(stalled)} switches while the kube-proxy of one node, in turn, was stopped (SIGSTOP), "
        f"and {len(good)} without a fault. Each ran the steps of `switchyard switch` up to the receipt, without "
        "configuration and state. The receipt requests the NodePort of each node through the API server, over a new "
        "connection each time.",
        "",
        "| | switches | receipt named only the stopped node | receipt reported that every node follows |",
        "|---|---|---|---|",
        f"| one kube-proxy stopped | {len(stalled)} | {named} | {claimed} |",
        f"| no fault | {len(good)} | {sum(bool(run['named']) for run in good)} named a node "
        f"| {sum(run['followed'] is True for run in good)} |",
        "",
        "Without a fault, all nodes answered with the new version "
        f"{median(answered):.2f} s after the patch (median), {p95(answered):.2f} s (p95).",
    ]
