"""Configurations with errors in `switchyard:releases`."""

from typing import Any

from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.releases import RELEASES
from switchyard.config.validation.services import SERVICES
from tests.support.configuration import BACKEND, EXISTING

_SLACK = {"name": "releases", "format": "slack", "secret": {"name": "release-webhooks", "key": "slack"}}
_FREEZE = {"reason": "holidays", "by": "ada", "from": "2026-12-24T00:00:00Z", "until": "2026-12-27T00:00:00Z"}
_WEEKLY = {"from": "Fri 16:00", "until": "Mon 07:00", "timezone": "Europe/Berlin"}


def _releases(releases: object) -> dict[str, Any]:
    return {CLUSTER: EXISTING, SERVICES: {"backend": BACKEND, "worker": BACKEND | {"nodePort": 30081}}} | {
        RELEASES: releases
    }


def _freeze(**more: Any) -> dict[str, Any]:
    return _releases({"freeze": [_FREEZE | more]})


WRONG: dict[str, dict[str, Any]] = {
    "releases that are text": _releases("none"),
    "a window for nobody": _freeze(services=["backnd", "other"]),
    "a window for no services": _freeze(services=[]),
    "a window without a length": _freeze(until="2026-12-24T00:00:00Z"),
    "a window of two kinds": _freeze(weekly=_WEEKLY),
    "a window with words": _freeze(**{"reason": "", "from": "tomorrow", "until": "2026-13-01T00:00:00Z"}),
    "a week without a length": _releases(
        {"freeze": [{"reason": "weekends", "by": "ada", "weekly": _WEEKLY | {"until": "Fri 16:00"}}]}
    ),
    "a week with words": _releases(
        {
            "freeze": [
                {"reason": "w", "by": "ada", "weekly": {"from": "Friday", "until": "Mon 24:00", "timezone": "CETT"}}
            ]
        }
    ),
    "two notifications of one name": _releases({"notifications": [_SLACK, dict(_SLACK)]}),
    "a notification for nobody": _releases({"notifications": [_SLACK | {"events": [], "services": ["other"]}]}),
}
