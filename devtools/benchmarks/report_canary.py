"""The section of `docs/benchmarks.md` on what becomes of a bad version under a canary."""

from collections import Counter
from typing import Any

from devtools.benchmarks.canary import NEW_RATE, RATE
from devtools.benchmarks.documented import DOCUMENTED, FASTER, OURS, PODS, PRE_STOP_SECONDS, SCRAPE_SECONDS
from devtools.benchmarks.measure import median, p95

TARGET_SECONDS = 43 * 60
"""What a whole canary may take by default."""

CLOCK_SECONDS = 1
"""To which the controller keeps the begin of a pause and the end of a measurement: the API has whole seconds."""


def canary(results: dict[str, Any]) -> list[str]:
    """Verdicts by both ways: how soon, whether right, and how long a whole canary takes by default."""
    runs, settings = results["runs"], results["settings"]
    analysis = settings["analysis"]
    steps = " / ".join(_step(step) for step in settings["steps"])
    return [
        "",
        "## A canary's verdict on a version",
        "",
        f"This program's canary beside Argo Rollouts as the example of its documentation has it, whose query is about "
        "the whole service at its latest rate, with a condition of success alone. The same controller, Prometheus, "
        f"pods, steps and thresholds, in shuffled order on two real nodes; {PODS} pods, {RATE} requests a second, "
        f"{NEW_RATE} of them over connections of their own. Both judge by the success rate alone, and both keep all "
        "pods up: where a version is aborted, its pods go when old ones have taken their place.",
        "",
        f"Times are {FASTER} times shorter than the defaults: {steps} / 100 %, where an analysis is "
        f"{analysis['count']} measurements, one each {analysis['intervalSeconds']} s, over the last "
        f"{analysis['windowSeconds']} s; more than {analysis['failureLimit']} that fail abort it. "
        f"Prometheus looks at the pods each {SCRAPE_SECONDS} s, and a pod that leaves answers for {PRE_STOP_SECONDS} s "
        "more.",
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
        "Seconds from the first request to the bad version; 'last answer' is its own last one:",
        "",
        "| version | way | runs | aborted, median | p95 | last answer, new connections, median | p95 "
        "| last answer, any connection, median | p95 | failed requests, median | p95 | not by the bad version |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in timed:
        for way in (OURS, DOCUMENTED):
            taken = runs[way][case]
            elsewhere = sum(run["failed_elsewhere"] for run in taken)
            lines.append(
                f"| {case} | {way} | {len(taken)} | {_seconds(taken, 'verdict')} | {_seconds(taken, 'last_new')} "
                f"| {_seconds(taken, 'last')} | {_count(taken, 'failed')} | {elsewhere} |"
            )
    return [*lines, "", *(line for case in timed for line in _ratio(case, runs[OURS][case], runs[DOCUMENTED][case]))]


def _ratio(case: str, ours: list[dict[str, Any]], documented: list[dict[str, Any]]) -> list[str]:
    mine, theirs = (
        [run["last_new"] for run in taken if run["last_new"] is not None and run["outcome"] == "aborted"]
        for taken in (ours, documented)
    )
    if not mine or not theirs:
        return [f"- {case}: no ratio, for one of the two never gave it up (to reach: never later; see below)"]
    never = len(mine) == len(ours) and median(mine) <= median(theirs) and p95(mine) <= p95(theirs)
    later = max(median(mine) - median(theirs), p95(mine) - p95(theirs))
    verdict = _met(never)
    if not never and len(mine) == len(ours) and later < CLOCK_SECONDS:
        verdict += (
            f", by {later:.1f} s: the controller's clock has whole seconds, so that runs of one way may differ by that"
        )
    failed = median([run["failed"] for run in ours]) / max(1, median([run["failed"] for run in documented]))
    return [
        f"- {case}: the last answer over a new connection comes after **{median(mine) / median(theirs):.2f}x** the "
        f"documented example's time at the median, {p95(mine) / p95(theirs):.2f}x at p95 (to reach: never later; "
        f"{verdict}); {failed:.2f}x its failed requests"
    ]


def _verdicts(runs: dict[str, dict[str, list[dict[str, Any]]]], right: dict[str, str]) -> list[str]:
    lines = [
        "What became of each version, by the Rollout's status, with the phases of its analyses; tried once where no "
        "number is given:",
        "",
        f"| version | to be | {OURS} | {DOCUMENTED} |",
        "|---|---|---|---|",
    ]
    for case, wanted in right.items():
        cells = [_verdict(runs[way][case], wanted) for way in (OURS, DOCUMENTED)]
        lines.append(f"| {case} | {wanted} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "The documented query names the service, and not the version: what the new version does is thinned by what the "
        "old one does, and the smaller the share, the more. That also keeps its numerator from being empty where every "
        "request to the new version fails. Without requests it divides 0 by 0: NaN is no success, and with a condition "
        "of success alone what is none is a failure.",
    ]


def _verdict(taken: list[dict[str, Any]], wanted: str) -> str:
    """Outcomes with the share that the version had then, and whether they are the right ones."""
    counted = Counter(_outcome(run) for run in taken)
    said = "; ".join(f"{count}x {outcome}" if len(taken) > 1 else outcome for outcome, count in counted.items())
    wrong = sum(run["outcome"] != wanted for run in taken)
    if not wrong:
        return f"{said}: right"
    return f"{said}: **wrong**" + (f" in {wrong} of {len(taken)}" if len(taken) > 1 else "")


def _outcome(run: dict[str, Any]) -> str:
    phases = ", ".join(analysis.partition(":")[0] for analysis in run["analyses"]) or "none"
    return f"{run['outcome']} at {run['weight']} % ({phases})"


def _whole(results: dict[str, Any]) -> list[str]:
    planned, here = results["planned"], results["planned_here"]
    promoted = [run["decided"] for run in results["runs"][OURS]["none fails"] if run["outcome"] == "promoted"]
    measured = (
        f" The same sum of the times above is {here} s; measured, with the pods' start, {median(promoted):.0f} s."
        if promoted
        else ""
    )
    return [
        f"A whole canary of a good version at the default settings takes {planned / 60:.0f} min by its pauses and "
        f"analyses (to reach: at most {TARGET_SECONDS // 60} min; {_met(planned <= TARGET_SECONDS)}): "
        f"computed, not measured, and without the time in which pods come up.{measured}",
    ]


def _seconds(taken: list[dict[str, Any]], column: str) -> str:
    values = [run[column] for run in taken if run[column] is not None]
    return f"{median(values):.1f} s | {p95(values):.1f} s" if values else "- | -"


def _count(taken: list[dict[str, Any]], column: str) -> str:
    values = [run[column] for run in taken]
    return f"{median(values):.0f} | {p95(values):.0f}"


def _met(target: bool) -> str:
    return "met" if target else "not met"
