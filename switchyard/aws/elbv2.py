"""Reads from AWS (ELBv2) how a load balancer routes requests. Its Ingresses only say how it should."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from switchyard.errors import AwsError

CALL_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
"""Time limits of one call, which takes 0.1 s. It has two attempts, so that one lost packet refuses no switch."""

Weights = Mapping[str, int]
"""The weight of each target group of a rule, by ARN."""


@dataclass(frozen=True)
class ListenerRule:
    """A listener rule that forwards requests to target groups.

    Attributes:
        port: port of its listener.
        hosts: patterns of the host, one of which a request has; none for every host.
        paths: patterns of the path, one of which a request has; none for every path.
        weights: what it sends to each target group.
    """

    port: int
    hosts: frozenset[str]
    paths: frozenset[str]
    weights: Weights


_Answer = TypeVar("_Answer")


class Balancers:
    """The load balancers of a region, with the credentials that the engine's own AWS provider takes.

    Calls raise `AwsError`. They need elasticloadbalancing:DescribeLoadBalancers, DescribeListeners, DescribeRules and
    DescribeTargetHealth.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._client: Any = None

    async def rules(self, hostname: str) -> list[Weights]:
        """The weights of all listener rules that forward requests to target groups.

        Args:
            hostname: DNS name of the load balancer; a name that no load balancer has gives no rules.
        """
        return await self._ask(lambda client: _rules(client, hostname))

    async def listener_rules(self, hostname: str) -> list[ListenerRule]:
        """All listener rules that forward requests, with the listener's port and the conditions on host and path.

        Args:
            hostname: hostname of the load balancer.
        """
        return await self._ask(lambda client: _listener_rules(client, hostname))

    async def healthy(self, target_group: str) -> tuple[int, int]:
        """The number of healthy targets of a target group, and the number of all its targets.

        Args:
            target_group: ARN of the target group.
        """
        return await self._ask(lambda client: _healthy(client, target_group))

    async def _ask(self, call: Callable[[Any], _Answer]) -> _Answer:
        """Runs blocking calls in a thread, so that the program continues with its other services."""
        try:
            return await asyncio.to_thread(lambda: call(self._connected()))
        except (BotoCoreError, ClientError) as error:
            raise AwsError(f"AWS does not answer: {error} ({AwsError.code})") from error

    def _connected(self) -> Any:
        if self._client is None:
            self._client = boto3.client("elbv2", region_name=self._region, config=CALL_CONFIG)
        return self._client


def _rules(client: Any, hostname: str) -> list[Weights]:
    weights = []
    for _, rule in _all_rules(client, hostname):
        weights += [_weights(action) for action in rule["Actions"] if action["Type"] == "forward"]
    return weights


def _listener_rules(client: Any, hostname: str) -> list[ListenerRule]:
    return [
        ListenerRule(port, _values(rule, "host-header"), _values(rule, "path-pattern"), _weights(action))
        for port, rule in _all_rules(client, hostname)
        for action in rule["Actions"]
        if action["Type"] == "forward" and not rule["IsDefault"]
    ]


def _all_rules(client: Any, hostname: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rules of all listeners of a load balancer, each with the port of its listener."""
    for balancer in _all(client, "describe_load_balancers", "LoadBalancers"):
        # Names are compared without regard to case, as in DNS: the controller writes them into Ingresses as AWS has
        # them.
        if balancer["DNSName"].lower() != hostname.lower():
            continue
        for listener in _all(client, "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"]):
            for rule in _all(client, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]):
                yield listener["Port"], rule


def _values(rule: Mapping[str, Any], field: str) -> frozenset[str]:
    """The values of a rule's condition on one field, which the API gives in one of two places."""
    config = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}[field]
    conditions = (condition for condition in rule.get("Conditions", ()) if condition.get("Field") == field)
    return frozenset(
        value
        for condition in conditions
        for value in (condition.get(config) or {}).get("Values") or condition.get("Values") or ()
    )


def _weights(action: Mapping[str, Any]) -> Weights:
    groups = action.get("ForwardConfig", {}).get("TargetGroups", ())
    # A rule with one group may have no weights.
    return {group["TargetGroupArn"]: group.get("Weight", 1) for group in groups} or {action["TargetGroupArn"]: 1}


def _healthy(client: Any, target_group: str) -> tuple[int, int]:
    targets = client.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    return sum(target["TargetHealth"]["State"] == "healthy" for target in targets), len(targets)


def _all(client: Any, call: str, key: str, **parameters: Any) -> list[dict[str, Any]]:
    """All pages of a list."""
    pages = client.get_paginator(call).paginate(**parameters)
    return [item for page in pages for item in page[key]]
