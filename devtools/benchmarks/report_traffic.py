"""The sections of `docs/benchmarks.md` that count users' requests."""

from typing import Any

from devtools.benchmarks.ablation import ABLATIONS
from devtools.benchmarks.ablation import RATE as ABLATION_RATE
from devtools.benchmarks.argo import PROMOTE, UNDO
from devtools.benchmarks.connections import RATE as CONNECTION_RATE
from devtools.benchmarks.connections import SECONDS as CONNECTION_SECONDS
from devtools.benchmarks.fast_lane import ROLLBACK, SWITCH
from devtools.benchmarks.long_run import CONFIDENCE, failure_bound
from devtools.benchmarks.measure import median, p95
from devtools.benchmarks.peers import HELM, NAIVE, OURS, PATCH, ROLLING
from devtools.benchmarks.report_fast_lane import fast_lane
from devtools.benchmarks.targets import target
from devtools.benchmarks.traffic import RATE, SECONDS_AFTER

FIRST_NEW_SECONDS = 5
"""The target for the time from the start of `pulumi up` to the first answer of the new version, at p95."""

DONE_SECONDS = 7
"""The target for the whole time of `pulumi up`, at p95."""

WHY_FASTER = {
    PATCH: "it only changes the selector: it runs no gate and updates no state.",
    NAIVE: "it runs no gate. Its command takes ten seconds longer, because the Kubernetes provider waits for the "
    "Service.",
    HELM: "it compares with its last release and sends the difference; it runs no gate and waits for nothing.",
    PROMOTE: "its controller is already running, and before the command its pods were checked by readiness only.",
    SWITCH: "it changes the selector first, and updates configuration and state afterwards.",
    ROLLBACK: "the same, and its only gate is that a pod is ready.",
    ROLLING: "it runs no gate, and its first new pod serves as soon as it is ready, beside the pods of the old "
    "version.",
    UNDO: "its controller is already running, and so are the old pods; once scaled down, they would have to start "
    "first.",
}
"""Why each other method is faster than `pulumi up` of this program: what it omits or does beforehand."""


def methods(results: dict[str, list[dict[str, Any]]], startup: dict[str, list[float]] | None = None) -> list[str]:
    """Renders what users observe during a switch by each method.

    Args:
        results: runs by method.
        startup: seconds that a rollback takes before its first request, if they were measured.
    """
    runs = len(results[OURS])
    first, done = (p95([run[column] for run in results[OURS]]) for column in ("first_new", "done"))
    lines = [
        "",
        "## What users observe during a switch",
        "",
        f"On two real nodes, through the NodePorts of both, {RATE} requests a second, half of them over new "
        f"connections and half over kept connections; {runs} runs each, in shuffled order on one cluster, three pods "
        "per version. Times are seconds from the start of the command.",
        "",
        f"`pulumi up` of this program, at p95: first answer of the new version after {first:.2f} s "
        f"{target(f'{FIRST_NEW_SECONDS} s', first <= FIRST_NEW_SECONDS)}, command finished after {done:.2f} s "
        f"{target(f'{DONE_SECONDS} s', done <= DONE_SECONDS)}.",
        "",
        *fast_lane(results, startup),
        "| method | first answer of the new version, median | p95 | last answer of the old version over new "
        "connections, median | p95 | the same over kept connections | command finished, median | p95 | failed requests "
        "| pods and memory during | after |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for method, taken in results.items():
        columns = {name: [run[name] for run in taken] for name in taken[0]}
        kept = [value for value in columns["last_old_kept"] if value is not None]
        stays = "not closed" if len(kept) < len(taken) / 2 else f"{median(kept):.2f} s"
        lines.append(
            f"| {method} | {_both(columns['first_new'])} | {_both(columns['last_old_new'])} | {stays} "
            f"| {_both(columns['done'])} | {sum(columns['failed'])} of {sum(columns['requests']):,} "
            f"| {_held(columns['during'])} | {_held(columns['after'])} |"
        )
    return [
        *lines,
        "",
        f"'Not closed': the old version still answered over them {SECONDS_AFTER} s after the command. A Service "
        "chooses a pod when a connection is opened, so a kept connection stays with that pod for as long as the pod "
        "runs. When the pod drains, the connection is closed without a failed request.",
        "",
        *_faster(results),
        "The time of a rolling update includes the start of the new pods, which the other methods have started before. "
        "It has no step at which the new version could be refused. 'During' is the maximum from the start of the "
        f"command to {SECONDS_AFTER} s after its end; 'after' is measured when no pod is terminating any more.",
        "",
        "![Answers by version over time, one run of each method](switches.png)",
    ]


def _held(moments: list[dict[str, float]]) -> str:
    """Median pods and memory."""
    pods, memory = (median([moment[name] for moment in moments]) for name in ("pods", "memory_mib"))
    return f"{pods:.0f}, {memory:.0f} MiB"


def _faster(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Lists the methods whose first answer of the new version comes sooner than this program's, and why."""
    medians = {method: median([run["first_new"] for run in runs]) for method, runs in results.items()}
    faster = [method for method in medians if medians[method] < medians[OURS]]
    if not faster:
        return []
    lines = ["Faster than `pulumi up` of this program to the first answer of the new version:", ""]
    lines += [f"- {method}, {medians[method] / medians[OURS]:.2f}x: {WHY_FASTER[method]}" for method in faster]
    return [*lines, ""]


def long_run(results: dict[str, Any]) -> list[str]:
    """Renders the long run of switches by `pulumi up`."""
    failed = sum(results["failed"].values())
    bound = failure_bound(results["requests"], failed)
    causes = "; ".join(f"{count}x {cause}" for cause, count in results["failed"].items()) or "none"
    counters = ", ".join(f"{name} {count}" for name, count in sorted(results["counters"].items())) or "none"
    latency = ", ".join(
        f"{'maximum' if share == '1' else f'p{float(share) * 100:.0f}'} {seconds * 1000:.1f} ms"
        for share, seconds in results["latency"].items()
    )
    return [
        "",
        "## A long run",
        "",
        f"**{failed} of {results['requests']:,} requests failed** over {len(results['done'])} switches by `pulumi up` "
        f"{target('none', failed == 0)}, at {results['rate']} requests a second for {results['seconds'] / 60:.0f} min "
        f"on two real nodes, {results['new']:,} of them over new connections. With {CONFIDENCE:.0%} confidence, fewer "
        f"than {bound * 1e6:.1f} in a million fail.",
        "",
        f"- failures by cause: {causes}",
        f"- answered more than a second after they were due: {results['over_one_second']:,}; clients, nodes and, "
        "during a switch, the engine share the machine's processors",
        f"- latency from the time at which a request was due: {latency}",
        f"- switches: first answer of the new version after {median(results['first_new']):.2f} s "
        f"(p95 {p95(results['first_new']):.2f} s), "
        f"command finished after {median(results['done']):.2f} s (p95 {p95(results['done']):.2f} s)",
        f"- kernel counters during the run, on the host and in the nodes: {counters}",
    ]


def strategy_migrations(results: dict[str, Any]) -> list[str]:
    """Renders the strategy migrations between blue/green and a canary."""
    failed = sum(results["failed"].values())
    bound = failure_bound(results["requests"], failed)
    causes = "; ".join(f"{count}x {cause}" for cause, count in results["failed"].items()) or "none"
    answers = ", ".join(f"{count:,} by {track}" for track, count in results["answers"].items())
    there, back = results["seconds"][::2], results["seconds"][1::2]
    return [
        "",
        "## A strategy migration to a canary and back",
        "",
        f"**{failed} of {results['requests']:,} requests failed** over {len(results['seconds'])} strategy migrations "
        f"by `pulumi up` {target('none of 100,000', failed == 0 and results['requests'] >= 100_000)}, at "
        f"{results['rate']} requests a second on two real nodes, {results['new']:,} of them over new connections. "
        f"Answered requests: {answers}. With {CONFIDENCE:.0%} confidence, fewer than {bound * 1e6:.0f} in a million "
        f"fail. Failures by cause: {causes}.",
        "",
        f"A strategy migration took {median(there):.0f} s to the canary and {median(back):.0f} s back (medians). Old "
        "pods drain for 35 s after the Service no longer routes to them. The update waits for the end of this drain if "
        "the pods belong to Deployments, but not if they belong to a Rollout (`switchyard/manifests/labels.py`).",
    ]


def ablation(results: dict[str, dict[str, Any]]) -> list[str]:
    """Renders the effect of each default for the termination of a pod."""
    lines = [
        "",
        "## Failed requests when pods terminate, by setting",
        "",
        f"Releases that warm, switch and retire in one `pulumi up`, at {ABLATION_RATE} requests a second, with the "
        "named default disabled. preStop is 8 s here instead of 35 s, because the rest is only needed behind a load "
        "balancer.",
        "",
        "| disabled | releases | failed over new connections | failed over kept connections | causes |",
        "|---|---|---|---|---|",
    ]
    for name in (ablation.disabled for ablation in ABLATIONS):
        result = results[name]
        causes = sorted({_short(cause) for kind in ("new_failed", "kept_failed") for cause in result[kind]})
        lines.append(
            f"| {name} | {result['releases']} | {sum(result['new_failed'].values())} of {result['new']:,} "
            f"| {sum(result['kept_failed'].values())} of {result['kept']:,} | {'; '.join(causes) or '-'} |"
        )
    return lines


def connections(rounds: list[dict[str, Any]]) -> list[str]:
    """Renders which connections are established late."""
    lines = [
        "",
        "## Connections that are established late",
        "",
        f"{CONNECTION_RATE // 2:,} new connections a second and as many requests over kept connections, far more than "
        f"in the other sections, for {CONNECTION_SECONDS} s: once without a switch, once with `kubectl patch` repeated "
        "throughout.",
        "",
        "| switches | requests over new connections | failed | answered late | maximum | SYNs retransmitted by the "
        "host | rejected by the pods as old (PAWSTimewait) | dropped by the nodes' connection tracking "
        "| dropped because a listen queue was full |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for round_ in rounds:
        counted = round_["counters"]
        table = sum(counted.get(f"nodes {name}", 0) for name in ("insert_failed", "drop", "early_drop"))
        full = sum(counted.get(f"pods {name}", 0) for name in ("ListenDrops", "ListenOverflows", "TCPReqQFullDrop"))
        lines.append(
            f"| {round_['switches']} | {round_['requests']:,} | {sum(round_['failed'].values())} | {round_['late']} "
            f"| {round_['longest']:.2f} s | {counted.get('host TCPSynRetrans', 0)} "
            f"| {counted.get('pods PAWSTimewait', 0)} | {table} | {full} |"
        )
    return [
        *lines,
        "",
        "A SYN is retransmitted if a pod has rejected it: the node translates the client's port to one of its own, and "
        "the pod remembers an earlier connection from that port (TIME-WAIT, 60 s) with a later timestamp. A client "
        "whose timeout is shorter than the retransmission reports a connect timeout. The cause is the rate of new "
        "connections, not a switch. Kept connections, such as those of a load balancer, are not affected.",
    ]


def _short(cause: str) -> str:
    """The cause of a failure without its address."""
    return cause.rpartition(": ")[2].strip()


def _both(values: list[float]) -> str:
    return f"{median(values):.2f} s | {p95(values):.2f} s"
