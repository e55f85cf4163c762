"""The sections of `docs/benchmarks.md` on what users see."""

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
from devtools.benchmarks.traffic import RATE, SECONDS_AFTER

FIRST_NEW_SECONDS = 5
"""What `pulumi up` may take from Enter to the first answer of the new colour."""

DONE_SECONDS = 7
"""The target for the time of `pulumi up` to its end."""

WHY_AHEAD = {
    PATCH: "it does one thing: it asks no gate, and no state knows of it.",
    NAIVE: "it asks no gate; its command goes on for ten seconds more, in the provider's own wait for Services.",
    HELM: "it compares with its last release and sends the difference; it asks no gate and waits for nothing.",
    PROMOTE: "its controller runs already, and its pods were proved by readiness alone before the command.",
    SWITCH: "it changes the selector first, and brings configuration and state to it afterwards.",
    ROLLBACK: "the same, and it asks no gate but for a ready pod.",
    ROLLING: "it asks no gate, and its first new pod serves as soon as it is ready, beside those of the old version.",
    UNDO: "its controller runs already, and the old pods are still up; later they would have to come up first.",
}
"""The checks that a faster way omits or does beforehand."""


def ways(results: dict[str, list[dict[str, Any]]], startup: dict[str, list[float]] | None = None) -> list[str]:
    """Each way to switch, as users see it.

    Args:
        results: runs by way.
        startup: seconds of what a rollback does before its first request, if they were measured.
    """
    runs = len(results[OURS])
    first, done = (p95([run[column] for run in results[OURS]]) for column in ("first_new", "done"))
    lines = [
        "",
        "## One switch of version, as users see it",
        "",
        f"On two real nodes, through the NodePorts of both, {RATE} requests a second, half of them over connections of "
        f"their own, half over kept ones; {runs} runs each, in shuffled order on one cluster, three pods a version. "
        "Seconds from the start of the command.",
        "",
        f"`pulumi up` of this program, at p95: first new answer after {first:.2f} s (to reach: {FIRST_NEW_SECONDS} s; "
        f"{_verdict(first <= FIRST_NEW_SECONDS)}), done after {done:.2f} s (to reach: {DONE_SECONDS} s; "
        f"{_verdict(done <= DONE_SECONDS)}).",
        "",
        *fast_lane(results, startup),
        "| way | first new answer, median | p95 | last old, new connections, median | p95 | last old, kept connections "
        "| command done, median | p95 | failed requests | pods, memory during | after |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for way, taken in results.items():
        columns = {name: [run[name] for run in taken] for name in taken[0]}
        kept = [value for value in columns["last_old_kept"] if value is not None]
        stays = "they stay" if len(kept) < len(taken) / 2 else f"{median(kept):.2f} s"
        lines.append(
            f"| {way} | {_both(columns['first_new'])} | {_both(columns['last_old_new'])} | {stays} "
            f"| {_both(columns['done'])} | {sum(columns['failed'])} of {sum(columns['requests']):,} "
            f"| {_held(columns['during'])} | {_held(columns['after'])} |"
        )
    return [
        *lines,
        "",
        f"'They stay': still so {SECONDS_AFTER} s after the command. Kept connections stay with the version that they "
        "were opened to for as long as it is up: a Service chooses a pod when a connection is opened. They leave it, "
        "without a failure, when its pods drain.",
        "",
        *_ahead(results),
        "A rolling update brings the new version up within the measured time, which the others have done before; there "
        "is no moment at which it could be refused. 'During' is the most at a time, from the command to "
        f"{SECONDS_AFTER} s after its end; 'after' is when nothing is on its way out any more.",
        "",
        "![Answers by version over time, one run of each way](switches.png)",
    ]


def _held(moments: list[dict[str, float]]) -> str:
    """Median pods and memory."""
    pods, memory = (median([moment[name] for moment in moments]) for name in ("pods", "memory_mib"))
    return f"{pods:.0f}, {memory:.0f} MiB"


def _ahead(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Lists the ways whose first new answer is sooner than this program's, and why."""
    middle = {way: median([run["first_new"] for run in runs]) for way, runs in results.items()}
    ahead = [way for way in middle if middle[way] < middle[OURS]]
    if not ahead:
        return []
    lines = ["Ahead of `pulumi up` of this program to the first new answer:", ""]
    lines += [f"- {way}, {middle[way] / middle[OURS]:.2f}x: {WHY_AHEAD[way]}" for way in ahead]
    return [*lines, ""]


def long_run(results: dict[str, Any]) -> list[str]:
    """The long run."""
    failed = sum(results["failed"].values())
    bound = failure_bound(results["requests"], failed)
    causes = "; ".join(f"{count}x {cause}" for cause, count in results["failed"].items()) or "none"
    counters = ", ".join(f"{name} {count}" for name, count in sorted(results["counters"].items())) or "none"
    latency = ", ".join(
        f"{'longest' if share == '1' else f'{float(share):.0%}'} {seconds * 1000:.1f} ms"
        for share, seconds in results["latency"].items()
    )
    return [
        "",
        "## A long run",
        "",
        f"**{failed} of {results['requests']:,} requests failed** over {len(results['done'])} switches by `pulumi up` "
        f"(to reach: none; {_verdict(failed == 0)}), at {results['rate']} requests a second for "
        f"{results['seconds'] / 60:.0f} min on two real nodes, {results['new']:,} of them over connections of "
        f"their own. With {CONFIDENCE:.0%} confidence, fewer than "
        f"{bound * 1e6:.1f} in a million fail.",
        "",
        f"- failures by cause: {causes}",
        f"- answered more than a second after they were due: {results['over_one_second']:,}; the machine's processors "
        "carry clients, nodes and, at a switch, the engine",
        f"- latency, from when a request was due: {latency}",
        f"- switches: first new answer after {median(results['first_new']):.2f} s "
        f"(p95 {p95(results['first_new']):.2f} s), "
        f"done after {median(results['done']):.2f} s (p95 {p95(results['done']):.2f} s)",
        f"- what the kernels counted meanwhile, on the host and in the nodes: {counters}",
    ]


def strategy_migrations(results: dict[str, Any]) -> list[str]:
    """Strategy migrations between two colours and a canary."""
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
        f"by `pulumi up` (to reach: none of 100,000; {_verdict(failed == 0 and results['requests'] >= 100_000)}), at "
        f"{results['rate']} requests a second on two real nodes, {results['new']:,} of them over connections of "
        "their own; answered: "
        f"{answers}. With {CONFIDENCE:.0%} confidence, fewer than {bound * 1e6:.0f} in a million fail. Failures by "
        f"cause: {causes}.",
        "",
        f"A strategy migration took {median(there):.0f} s to the canary and {median(back):.0f} s back (medians): old "
        "pods drain for 35 s after the Service has left them, which the update sees to the end with Deployments, and "
        "not with a Rollout (`switchyard/manifests/labels.py`).",
    ]


def ablation(results: dict[str, dict[str, Any]]) -> list[str]:
    """Renders the section on the effect of each default."""
    lines = [
        "",
        "## What ends a pod without a failure",
        "",
        f"Releases that warm, switch and retire in one `pulumi up`, at {ABLATION_RATE} requests a second, with one "
        "default off at a time. preStop is 8 s here instead of 35 s: the rest of it is for a load balancer, and there "
        "is none.",
        "",
        "| off | releases | failed, connections of their own | failed, kept connections | how |",
        "|---|---|---|---|---|",
    ]
    for name in (ablation.off for ablation in ABLATIONS):
        result = results[name]
        causes = sorted({_short(cause) for kind in ("new_failed", "kept_failed") for cause in result[kind]})
        lines.append(
            f"| {name} | {result['releases']} | {sum(result['new_failed'].values())} of {result['new']:,} "
            f"| {sum(result['kept_failed'].values())} of {result['kept']:,} | {'; '.join(causes) or '-'} |"
        )
    return lines


def connections(rounds: list[dict[str, Any]]) -> list[str]:
    """Where connections are lost."""
    lines = [
        "",
        "## Where a connection is late",
        "",
        f"{CONNECTION_RATE // 2:,} new connections a second and as many requests over kept ones, far more than "
        f"elsewhere here, for {CONNECTION_SECONDS} s; once with the selector left "
        "alone, once with `kubectl patch` all the time.",
        "",
        "| switches | requests over connections of their own | failed | answered late | longest | SYNs sent again by "
        "the host | refused by the pods as old (PAWSTimewait) | lost in the nodes' tables | listeners without room |",
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
        "A SYN that is sent again is one that a pod has refused: the node translates a client's port to one of its "
        "own, and the pod remembers an earlier connection from that port (TIME-WAIT, 60 s) with a later "
        "timestamp. A client "
        "whose time-out is shorter than the repetition sees a connect time-out. It comes with the rate of new "
        "connections, with and without a switch; connections that are kept alive, as a load balancer keeps its own, do "
        "not have it.",
    ]


def _short(cause: str) -> str:
    """A cause without the address that it happened at."""
    return cause.rpartition(": ")[2].strip()


def _both(values: list[float]) -> str:
    return f"{median(values):.2f} s | {p95(values):.2f} s"


def _verdict(met: bool) -> str:
    return "met" if met else "not met"
