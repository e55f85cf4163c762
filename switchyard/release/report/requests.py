"""Computes the measures of a report about requests: downtime, error rate and availability. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence

from switchyard.release.report.events import Deployment, RollbackEvent
from switchyard.release.report.measure import Measure, at_least, at_most, share
from switchyard.release.report.values import number
from switchyard.release.watch.past import PAST_SECONDS


def downtime(deployments: Sequence[Deployment], rollbacks: Sequence[RollbackEvent]) -> Measure:
    """The downtime, which no record has, with the requests that the receipts have counted.

    Args:
        deployments: deployments in the period.
        rollbacks: rollbacks in the period.
    """
    switches = sum(deployment.has_switched for deployment in deployments) + len(rollbacks)
    receipts = [_counted(deployment.record.receipt) for deployment in deployments]
    requests, errors = sum(count for count, _ in receipts), sum(failed for _, failed in receipts)
    note = "unknown: no record counts failed health checks. A probe from outside, or the load balancer's metrics, do"
    if requests:
        bound = 100 * (at_most(errors, requests) or 0)
        note += f". Of the requests after a switch that the receipts have counted, at most {bound:.3g} % failed at 95 %"
    return Measure(
        "downtime",
        "downtime",
        "seconds",
        target="0 s",
        of="switches and rollbacks",
        size=switches,
        note=note,
        counts={"requests": requests, "errors": errors},
    )


def error_rate(deployments: Iterable[Deployment]) -> Measure:
    """The errors of new versions within their watch, compared with those of the old versions before."""
    numbers = [deployment.watched for deployment in deployments if deployment.watched is not None]
    during = [_counted(watched.get("new")) for watched in numbers]
    before = [_counted(watched.get("old")) for watched in numbers]
    requests, errors = sum(count for count, _ in during), sum(failed for _, failed in during)
    past, past_errors = sum(count for count, _ in before), sum(failed for _, failed in before)
    value, reference = share(errors, requests), share(past_errors, past)
    met = None if value is None or reference is None else errors * past <= past_errors * requests
    if met is False and (at_least(errors, requests) or 0) <= (at_most(past_errors, past) or 1):
        met = None  # more, and not more than chance explains
    shown = f"before: {100 * reference:.3g} % of {past} requests; " if reference is not None else ""
    return Measure(
        "errorRateDuring",
        "error rate during a release",
        "share",
        value,
        "no increase",
        met,
        requests,
        "requests of new versions within their watch",
        at_most(errors, requests),
        note=f"{shown}before is what the old version answered while the release prepared its switch, with a Prometheus "
        f"in the {PAST_SECONDS} s before it, and not the hour before: Prometheus has that"
        if value is not None
        else "unknown: no record has a watch that counted requests",
        counts={"errors": errors, "requests": requests, "errorsBefore": past_errors, "requestsBefore": past},
    )


def availability() -> Measure:
    """The availability in a month, which no record has."""
    return Measure(
        "availability",
        "availability",
        "share",
        target=">= 99.9 % a month",
        note="unknown: no record counts all requests of a month. In Prometheus: 1 - sum(increase(http_requests_total"
        '{status=~"5.."}[30d])) / sum(increase(http_requests_total[30d]))',
    )


def _counted(side: object) -> tuple[int, int]:
    """The requests and errors of one colour; zero if the record does not have valid numbers."""
    if not isinstance(side, Mapping):
        return 0, 0
    requests, errors = number(side.get("requests")), number(side.get("errors"))
    return (0, 0) if requests is None or errors is None or errors > requests else (int(requests), int(errors))
