"""The section of `docs/benchmarks.md` on the verdicts of a canary."""

from collections import Counter
from typing import Any

from devtools.benchmarks.canary import NEW_RATE, RATE
from devtools.benchmarks.documented import DOCUMENTED, FASTER, OURS, PODS, PRE_STOP_SECONDS, SCRAPE_SECONDS
from devtools.benchmarks.measure import median, p95
from devtools.benchmarks.targets import target

TARGET_SECONDS = 43 * 60
"""The target for a whole canary with the default settings."""

CLOCK_SECONDS = 1
"""The resolution of the controller's clock: the API stores the start of a pause and the end of a measurement in whole
seconds."""


def canary(results: dict[str, Any]) -> list[str]:
    """Renders the verdicts of both methods: how soon, whether correct, and how long a whole canary takes by default."""
    runs, settings = results["runs"], results["settings"]
    analysis = settings["analysis"]
    steps = " / ".join(_step(step) for step in settings["steps"])
    return [
        "",
        "## A canary's verdict on a version",
        "",
        "This program's canary compared with the example of Argo Rollouts' documentation, whose query covers the whole "
        "service at its latest rate and which has only a success condition. Both use the same controller, Prometheus, "
        f"pods, steps and thresholds, in shuffled order on two real nodes, with {PODS} pods and {RATE} requests a "
        f"second, {NEW_RATE} of them over new connections. Both judge by the success rate only. Both keep all pods "
        "running: the pods of an aborted version terminate once pods of the old version have replaced them.",
        "",
        f"Pauses and intervals are {FASTER} times shorter than the defaults: {steps} / 100 %, where an analysis is "
        f"{analysis['count']} measurements, one every {analysis['intervalSeconds']} s, over the last "
        f"{analysis['windowSeconds']} s; more than {analysis['failureLimit']} failed measurements abort the release. "
        f"Prometheus scrapes the pods every {SCRAPE_SECONDS} s, and a terminating pod continues to answer for "
        f"{PRE_STOP_SECONDS} s.",
        "",
        *_timed(runs, results["timed"]),
        "",
        *_verdicts(runs, results["right"]),
        "",
        *_whole(results),
    ]


def _step(step: dict[str, Any]) -> str:
    if "weight" in step:
        return f"{step['weight']} %"
    return f"{step['pause']} s" if "pause" in step else "analysis"


def _timed(runs: dict[str, dict[str, list[dict[str, Any]]]], timed: list[str]) -> list[str]:
    lines = [
        "Times are seconds from the first request to the bad version. 'Last answer' is the last one of the bad "
        "version.",
        "",
        "| version | method | runs | aborted, median | p95 | last answer, new connections, median | p95 "
        "| last answer, any connection, median | p95 | failed requests, median | p95 "
        "| of these not by the bad version |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in timed:
        for method in (OURS, DOCUMENTED):
            taken = runs[method][case]
            elsewhere = sum(run["failed_elsewhere"] for run in taken)
            lines.append(
                f"| {case} | {method} | {len(taken)} | {_seconds(taken, 'verdict')} | {_seconds(taken, 'last_new')} "
                f"| {_seconds(taken, 'last')} | {_count(taken, 'failed')} | {elsewhere} |"
            )
    return [*lines, "", *(line for case in timed for line in _ratio(case, runs[OURS][case], runs[DOCUMENTED][case]))]


def _ratio(case: str, ours: list[dict[str, Any]], documented: list[dict[str, Any]]) -> list[str]:
    mine, theirs = (
        [run["last_new"] for run in taken if run["last_new"] is not None and run["outcome"] == "aborted"]
        for taken in (ours, documented)
    )
    if not mine or not theirs:
        return [f"- {case}: no ratio, because one of the two never aborted it (target: never later; see below)"]
    never = len(mine) == len(ours) and median(mine) <= median(theirs) and p95(mine) <= p95(theirs)
    later = max(median(mine) - median(theirs), p95(mine) - p95(theirs))
    remark = ""
    if not never and len(mine) == len(ours) and later < CLOCK_SECONDS:
        remark = (
            f" by {later:.1f} s, which is below the resolution of the controller's clock of {CLOCK_SECONDS} s, by "
            "which runs of one method can differ"
        )
    failed = median([run["failed"] for run in ours]) / max(1, median([run["failed"] for run in documented]))
    return [
        f"- {case}: the last answer over a new connection comes after **{median(mine) / median(theirs):.2f}x** the "
        f"documented example's time at the median, {p95(mine) / p95(theirs):.2f}x at p95 "
        f"{target('never later', never)}{remark}; {failed:.2f}x its failed requests"
    ]


def _verdicts(runs: dict[str, dict[str, list[dict[str, Any]]]], right: dict[str, str]) -> list[str]:
    lines = [
        "The outcome for each version by the Rollout's status, with the phases of its analyses; one run where no "
        "number is stated:",
        "",
        f"| version | expected | {OURS} | {DOCUMENTED} |",
        "|---|---|---|---|",
    ]
    for case, wanted in right.items():
        cells = [_verdict(runs[method][case], wanted) for method in (OURS, DOCUMENTED)]
        lines.append(f"| {case} | {wanted} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "The documented query selects the service and not the version, so the requests of the old version dilute the "
        "errors of the new one, the more so the smaller its share. They also keep the numerator from being empty when "
        "every request to the new version fails. Without requests the query divides 0 by 0. The result NaN does not "
        "meet the success condition, and without a failure condition every measurement that does not succeed has "
        "failed.",
    ]


def _verdict(taken: list[dict[str, Any]], wanted: str) -> str:
    """Outcomes with the share that the version had reached, and whether they are the expected ones."""
    counted = Counter(_outcome(run) for run in taken)
    said = "; ".join(f"{count}x {outcome}" if len(taken) > 1 else outcome for outcome, count in counted.items())
    wrong = sum(run["outcome"] != wanted for run in taken)
    if not wrong:
        return f"{said}: correct"
    return f"{said}: **wrong**" + (f" in {wrong} of {len(taken)}" if len(taken) > 1 else "")


def _outcome(run: dict[str, Any]) -> str:
    phases = ", ".join(analysis.partition(":")[0] for analysis in run["analyses"]) or "none"
    return f"{run['outcome']} at {run['weight']} % ({phases})"


def _whole(results: dict[str, Any]) -> list[str]:
    planned, here = results["planned"], results["planned_here"]
    promoted = [run["decided"] for run in results["runs"][OURS]["no request fails"] if run["outcome"] == "promoted"]
    measured = (
        f" The same sum of the shorter times above is {here} s; the measured median, which includes the start of the "
        f"pods, is {median(promoted):.0f} s."
        if promoted
        else ""
    )
    return [
        f"A whole canary of a good version at the default settings takes {planned / 60:.0f} min, the sum of its pauses "
        f"and analyses {target(f'at most {TARGET_SECONDS // 60} min', planned <= TARGET_SECONDS)}. This is computed, "
        f"not measured, and does not include the start of the pods.{measured}",
    ]


def _seconds(taken: list[dict[str, Any]], column: str) -> str:
    values = [run[column] for run in taken if run[column] is not None]
    return f"{median(values):.1f} s | {p95(values):.1f} s" if values else "- | -"


def _count(taken: list[dict[str, Any]], column: str) -> str:
    values = [run[column] for run in taken]
    return f"{median(values):.0f} | {p95(values):.0f}"
