"""The section of `docs/benchmarks.md` on the watch after a switch."""

import itertools
from collections.abc import Sequence
from typing import Any

from devtools.benchmarks.measure import median, p95
from devtools.benchmarks.targets import target
from devtools.benchmarks.watched import BAD, GOOD
from devtools.benchmarks.watched_methods import (
    ANALYSIS,
    ANALYSIS_OFTEN,
    COUNT,
    DEPLOY,
    DOCUMENTED_SECONDS,
    ENDPOINT,
    FAILURE_LIMIT,
    FASTER,
    LATENCY_MS,
    OFTEN,
    SUCCESS_RATE,
)
from switchyard.config.models.watch import Watch

LAST_SECONDS = 10
"""The target for the last answer of a version that fails at least `LAST_FAILING` of its requests, at p95."""

LAST_FAILING = 0.08

SHARE = 0.2
"""The most failed requests that a bad version may cost, as a share of the peer's."""

REASON = 200
"""The most characters of a reason on the page; the raw data has all of it."""

Runs = list[dict[str, Any]]


def watched(results: dict[str, Any]) -> list[str]:
    """Renders the cost of bad versions until their rollback, and the outcome for good versions."""
    runs, plan = results["runs"], results["plan"]
    lines = [
        "",
        "## A bad version after its switch",
        "",
        *_setup(results["load"], plan["at_once"], has_short_interval=ANALYSIS_OFTEN in runs),
        "",
        *_table(runs, plan["rates"]),
    ]
    lines += ["", *_targets(runs, plan["rates"]), *_good(runs, plan)]
    if note := results.get("note"):
        lines += ["", note]
    if results["problems"]:
        lines += ["", "Releases that could not be measured:", "", *(f"- {problem}" for problem in results["problems"])]
    return lines


def _setup(load: Sequence[float], at_once: int, *, has_short_interval: bool) -> list[str]:
    short = f", and {OFTEN} times shorter in the rows '{ANALYSIS_OFTEN}'" if has_short_interval else ""
    return [
        "`switchyard deploy` compared with Argo Rollouts' blueGreen with automatic promotion and a "
        "postPromotionAnalysis: the same pods, versions and two real nodes, half of the requests over kept "
        f"connections, in shuffled order on one cluster, {at_once} at a time. The old version answers in {LATENCY_MS} "
        f"ms. The machine's load average was {min(load):.0f} to {max(load):.0f}, with a median of {median(load):.0f}; "
        "the times include the effect of this load.",
        "",
        "The analysis of Argo Rollouts is the success rate from the analysis page of its documentation (at least "
        f"{SUCCESS_RATE:.0%}, `failureLimit: {FAILURE_LIMIT}`), with {COUNT} measurements of the new version only. The "
        f"documented interval of {DOCUMENTED_SECONDS} s is {FASTER} times shorter here{short}. This program's watch "
        "has its default settings. Prometheus scrapes the pods every second.",
        "",
        "Times are seconds from the switch of the selector. 'Still answered' means that the version still answered "
        "when the load ended, a few seconds after the release's command. Kept connections to a version that was rolled "
        "back are closed `release.drain.rollbackSeconds` (2 s by default) after all nodes follow.",
    ]


def _table(runs: dict[str, Any], rates: Sequence[int]) -> list[str]:
    lines = [
        "| version | requests a second | method | runs | rolled back | selector switched back, median | p95 "
        "| last answer, new connections, median | p95 | last answer, any connection, median | p95 | failed requests, "
        "median | p95 |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in BAD:
        for rate in rates:
            taken = {
                method: _taken(runs, method, case.name, rate) for method in (DEPLOY, ENDPOINT, ANALYSIS, ANALYSIS_OFTEN)
            }
            lines += [f"| {case.name} | {rate} | {method} | {_row(each)} |" for method, each in taken.items() if each]
    return lines


def _row(taken: Runs) -> str:
    last = [_last(run) for run in taken]
    failed = [float(run["failed"]) for run in taken]
    back = sum(run["rolled_back"] for run in taken)
    cells = [
        str(len(taken)),
        f"{back} of {len(taken)}",
        _both([run["back"] for run in taken if run["back"] is not None]),
    ]
    cells += [_both([run["last_new"] for run in taken]), _both(last), f"{median(failed):.0f} | {p95(failed):.0f}"]
    return " | ".join(cells)


def _last(run: dict[str, Any]) -> float | None:
    """Seconds to the last answer over any connection; None if the version still answered when the load ended."""
    if run["stays"]:
        return None
    last: float = max(run[column] for column in ("last_new", "last_kept") if run[column] is not None)
    return last


def _both(values: Sequence[float | None]) -> str:
    ended = [value for value in values if value is not None]
    if not ended:
        return "still answered | still answered" if values else "- | -"
    if len(ended) < len(values):
        return f"still answered ({len(values) - len(ended)} of {len(values)}) | still answered"
    return f"{median(ended):.1f} s | {p95(ended):.1f} s"


def _taken(runs: dict[str, Any], method: str, case: str, rate: int | None = None) -> Runs:
    return [run for run in runs.get(method, {}).get(case, []) if rate in {None, run["rate"]}]


def _targets(runs: dict[str, Any], rates: Sequence[int]) -> list[str]:
    lines = []
    for method in (DEPLOY, ENDPOINT):
        bad = [(case, run) for case in BAD for run in _taken(runs, method, case.name)]
        if not bad:
            continue
        back = sum(run["rolled_back"] for _, run in bad)
        lines.append(
            f"- {method}: {back} of {len(bad)} releases of bad versions were rolled back "
            f"{target('all', back == len(bad))}"
        )
        worst = [run for case, run in bad if case.failing >= LAST_FAILING]
        for name, last in (
            ("over new connections", [run["last_new"] for run in worst if run["rolled_back"]]),
            ("over any connection", [_last(run) for run in worst]),
        ):
            ended = [value for value in last if value is not None]
            if ended:
                is_met = len(ended) == len(last) and p95(ended) <= LAST_SECONDS
                never = f", and {len(last) - len(ended)} of {len(last)} still answered at the end" * (
                    len(ended) < len(last)
                )
                lines.append(
                    f"- {method}: last answer of a version that fails 8 % or more of its requests, {name}: "
                    f"{p95(ended):.1f} s at p95 of {len(last)} releases, at most {max(ended):.1f} s{never} "
                    f"{target(f'at most {LAST_SECONDS} s', is_met)}"
                )
        lines += _relative_to_peers(runs, method, rates)
    return lines


def _relative_to_peers(runs: dict[str, Any], method: str, rates: Sequence[int]) -> list[str]:
    lines = []
    for peer in (ANALYSIS, ANALYSIS_OFTEN):
        ratios = []
        for case in BAD:
            for rate in rates:
                ours, theirs = (_taken(runs, name, case.name, rate) for name in (method, peer))
                if ours and theirs:
                    mine, its = (median([float(run["failed"]) for run in taken]) for taken in (ours, theirs))
                    promoted = sum(not run["rolled_back"] for run in theirs)
                    remark = (
                        f", not rolled back by Argo Rollouts in {promoted} of {len(theirs)} releases"
                        if promoted
                        else ""
                    )
                    ratios.append((mine / its if its else float("inf"), f"{case.name} at {rate}/s{remark}"))
        if ratios:
            text = ", ".join(f"{ratio:.2f}x ({case})" for ratio, case in ratios)
            is_met = max(ratio for ratio, _ in ratios) <= SHARE
            lines.append(
                f"- {method}: failed requests relative to {peer}, medians: {text} {target(f'at most {SHARE}x', is_met)}"
            )
    return lines


def _good(runs: dict[str, Any], plan: dict[str, Any]) -> list[str]:
    lines = []
    seconds = plan["watch_seconds"] or Watch.model_fields["seconds"].default
    names = [name for name in runs.get(DEPLOY, {}) if name.startswith(GOOD.name)]
    for name, rate in itertools.product(names, plan["rates"]):
        if not (taken := _taken(runs, DEPLOY, name, rate)):
            continue
        back = sum(run["rolled_back"] for run in taken)
        held = sum(run["reason"].startswith("held") for run in taken)
        requests, failed = (sum(run[column] for run in taken) for column in ("requests", "failed"))
        lines.append(
            f"- {name}, {rate} requests a second, watched for {seconds} s: {back} of {len(taken)} were rolled back "
            f"{target('none', not back)}, {held} held; {failed} of {requests:,} requests failed"
        )
        lines += [f"    - rolled back: {_shortened(run['reason'])}" for run in taken if run["rolled_back"]]
    return lines


def _shortened(reason: str) -> str:
    return reason if len(reason) <= REASON else f"{reason[:REASON].rstrip()} ..."
