"""The section of `docs/benchmarks.md` on versions that are judged after their switch."""

import itertools
from collections.abc import Sequence
from typing import Any

from devtools.benchmarks.measure import median, p95
from devtools.benchmarks.watched import BAD, GOOD
from devtools.benchmarks.watched_ways import (
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
"""Within which the last answer of a version that fails at least `LAST_FAILING` of its requests is to come, at p95."""

LAST_FAILING = 0.08

SHARE = 0.2
"""Of the peer's failed requests that a bad version may cost."""

REASON = 200
"""Characters of a reason in the page; the raw data has all."""

Runs = list[dict[str, Any]]


def watched(found: dict[str, Any]) -> list[str]:
    """The section about the cost of a bad version until its rollback, and about good versions."""
    runs, plan = found["runs"], found["plan"]
    lines = [
        "",
        "## A bad version after its switch",
        "",
        *_how(found["load"], plan["at_once"]),
        "",
        *_table(runs, plan["rates"]),
    ]
    lines += ["", *_bars(runs, plan["rates"]), *_good(runs, plan)]
    if note := found.get("note"):
        lines += ["", note]
    if found["problems"]:
        lines += ["", "Releases that could not be measured:", "", *(f"- {problem}" for problem in found["problems"])]
    return lines


def _how(load: Sequence[float], at_once: int) -> list[str]:
    return [
        "`switchyard deploy` beside Argo Rollouts' blueGreen that promotes by itself and has a postPromotionAnalysis:",
        "the same pods, versions and two real nodes, half of the requests over kept connections, in shuffled order on",
        f"one cluster, {at_once} releases at a time. The old version answers in {LATENCY_MS} ms. The machine's load",
        f"average was {min(load):.0f} to {max(load):.0f} meanwhile, {median(load):.0f} at the median: all times are",
        "those of so busy a machine.",
        "",
        "The peer's analysis is the success rate of its documentation's page on analysis",
        f"(at least {SUCCESS_RATE:.0%}, `failureLimit: {FAILURE_LIMIT}`), asked of the new version alone, with {COUNT}",
        f"measurements. The documented interval of {DOCUMENTED_SECONDS} s is {FASTER} times shorter here, and {OFTEN}",
        "times in the last way; this program's watch has its default settings. Prometheus looks at the pods each",
        "second.",
        "",
        "Seconds from the switch of the selector. A last answer is 'not seen' where the load, which ends a few seconds",
        "after the release's command, ended before it. Kept connections leave a version that was rolled back once the",
        "nodes follow, after `release.drain.rollbackSeconds` (2 s by default).",
    ]


def _table(runs: dict[str, Any], rates: Sequence[int]) -> list[str]:
    lines = [
        "| version | requests a second | way | runs | rolled back | switched back, median | p95 "
        "| last answer, new connections, median | p95 | last answer, any connection, median | p95 | failed requests, "
        "median | p95 |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in BAD:
        for rate in rates:
            taken = {way: _taken(runs, way, case.name, rate) for way in (DEPLOY, ENDPOINT, ANALYSIS, ANALYSIS_OFTEN)}
            lines += [f"| {case.name} | {rate} | {way} | {_row(each)} |" for way, each in taken.items() if each]
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
    """Seconds to the last answer over any connection; None if there was still one at the end of the load."""
    if run["stays"]:
        return None
    last: float = max(run[column] for column in ("last_new", "last_kept") if run[column] is not None)
    return last


def _both(values: Sequence[float | None]) -> str:
    ended = [value for value in values if value is not None]
    if not ended:
        return "not seen | not seen" if values else "- | -"
    if len(ended) < len(values):
        return f"not seen ({len(values) - len(ended)} of {len(values)}) | not seen"
    return f"{median(ended):.1f} s | {p95(ended):.1f} s"


def _taken(runs: dict[str, Any], way: str, case: str, rate: int | None = None) -> Runs:
    return [run for run in runs.get(way, {}).get(case, []) if rate in {None, run["rate"]}]


def _bars(runs: dict[str, Any], rates: Sequence[int]) -> list[str]:
    lines = []
    for way in (DEPLOY, ENDPOINT):
        bad = [(case, run) for case in BAD for run in _taken(runs, way, case.name)]
        if not bad:
            continue
        back = sum(run["rolled_back"] for _, run in bad)
        lines.append(
            f"- {way}: {back} of {len(bad)} bad releases were rolled back (to reach: all; {_met(back == len(bad))})"
        )
        worst = [run for case, run in bad if case.failing >= LAST_FAILING]
        for name, last in (
            ("over new connections", [run["last_new"] for run in worst if run["rolled_back"]]),
            ("over any connection", [_last(run) for run in worst]),
        ):
            ended = [value for value in last if value is not None]
            if ended:
                is_met = len(ended) == len(last) and p95(ended) <= LAST_SECONDS
                never = f", and {len(last) - len(ended)} of {len(last)} had still some at the end" * (
                    len(ended) < len(last)
                )
                lines.append(
                    f"- {way}: last answer of a version that fails 8 % or more, {name}: {p95(ended):.1f} s "
                    f"at p95 of {len(last)}, longest {max(ended):.1f} s{never} "
                    f"(to reach: at most {LAST_SECONDS} s; {_met(is_met)})"
                )
        lines += _against(runs, way, rates)
    return lines


def _against(runs: dict[str, Any], way: str, rates: Sequence[int]) -> list[str]:
    lines = []
    for peer in (ANALYSIS, ANALYSIS_OFTEN):
        ratios = []
        for case in BAD:
            for rate in rates:
                ours, theirs = (_taken(runs, name, case.name, rate) for name in (way, peer))
                if ours and theirs:
                    mine, its = (median([float(run["failed"]) for run in taken]) for taken in (ours, theirs))
                    promoted = sum(not run["rolled_back"] for run in theirs)
                    remark = f", which the peer kept {promoted} times of {len(theirs)}" if promoted else ""
                    ratios.append((mine / its if its else float("inf"), f"{case.name} at {rate}/s{remark}"))
        if ratios:
            text = ", ".join(f"{ratio:.2f}x ({what})" for ratio, what in ratios)
            verdict = _met(max(ratio for ratio, _ in ratios) <= SHARE)
            lines.append(
                f"- {way}: failed requests against {peer}, medians: {text} (to reach: at most {SHARE}x; {verdict})"
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
            f"(to reach: none; {_met(not back)}), {held} held; {failed} of {requests:,} requests failed"
        )
        lines += [f"    - rolled back: {run['reason'][:REASON]}" for run in taken if run["rolled_back"]]
    return lines


def _met(is_met: bool) -> str:
    return "met" if is_met else "**not met**"
