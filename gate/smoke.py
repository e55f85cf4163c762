"""HTTP checks of a colour before it takes traffic, sent through the API server's service proxy."""

import asyncio
import re

from gate.cluster import UNREACHABLE, Cluster, ProxyAnswer
from render.labels import colour_name
from settings.service import Colour, ServiceSettings, SmokeCheck

SHOWN = 120
"""Characters of an answer's body that a message shows."""


async def smoke_failures(cluster: Cluster, name: str, service: ServiceSettings, colour: Colour) -> list[str]:
    """Runs every configured check against a colour.

    Returns:
        A line for each check whose last attempt failed; empty when all is well.
    """
    smoke = service.gate.smoke
    failures = []
    for check in smoke.paths:
        failure = None
        for attempt in range(smoke.attempts):
            if attempt:
                await asyncio.sleep(smoke.interval_seconds)  # an HTTP answer cannot be watched for
            failure = await _attempt(cluster, name, service, colour, check)
            if failure is None:
                break
        if failure is not None:
            failures.append(f"{failure} ({smoke.attempts} attempts)")
    return failures


async def _attempt(
    cluster: Cluster, name: str, service: ServiceSettings, colour: Colour, check: SmokeCheck
) -> str | None:
    timeout = service.gate.smoke.timeout_seconds
    try:
        answer = await cluster.get_through_proxy(service.namespace, colour_name(name, colour), check.path, timeout)
    except UNREACHABLE as error:
        return f"GET {check.path} had no answer within {timeout} s ({type(error).__name__})"
    return mismatch(check, answer)


def mismatch(check: SmokeCheck, answer: ProxyAnswer) -> str | None:
    """Says how an answer differs from what a check expects; None when it does not."""
    if answer.status != check.status:
        return f"GET {check.path} answered {answer.status}, expected {check.status}: {_excerpt(answer.body)}"
    if check.body_matches is not None and re.search(check.body_matches, answer.body) is None:
        return f"GET {check.path} has no match for {check.body_matches!r} in: {_excerpt(answer.body)}"
    return None


def _excerpt(body: str) -> str:
    text = " ".join(body.split())
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")
