"""Asks AWS what a load balancer does with its requests. What its Ingress says is only what it is to do."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

CALL_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
"""Bounds of one call, which takes a tenth of a second; of two tries, so that one lost packet refuses no switch."""

Weights = Mapping[str, int]
"""What one rule sends to each of its target groups, by their ARN."""

_Answer = TypeVar("_Answer")


class AwsError(Exception):
    """AWS has no answer, or none for this user. The text says why."""


class Balancers:
    """The load balancers of a region, with the credentials that the engine's own AWS provider takes.

    Calls raise `AwsError`. They need elasticloadbalancing:DescribeLoadBalancers, DescribeListeners, DescribeRules and
    DescribeTargetHealth.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._client: Any = None

    async def rules(self, hostname: str) -> list[Weights]:
        """The rules of all listeners that send requests to target groups; those that redirect or refuse are left out.

        Args:
            hostname: of the load balancer; a name that none has is one without rules.
        """
        return await self._ask(lambda client: _rules(client, hostname))

    async def healthy(self, target_group: str) -> tuple[int, int]:
        """How many targets of a group are healthy, and how many it has.

        Args:
            target_group: its ARN.
        """
        return await self._ask(lambda client: _healthy(client, target_group))

    async def _ask(self, question: Callable[[Any], _Answer]) -> _Answer:
        """Runs calls that wait in a thread, so that the program goes on with its other services."""
        try:
            return await asyncio.to_thread(lambda: question(self._connected()))
        except (BotoCoreError, ClientError) as error:
            raise AwsError(f"AWS does not say it ({type(error).__name__}: {error})") from error

    def _connected(self) -> Any:
        if self._client is None:
            self._client = boto3.client("elbv2", region_name=self._region, config=CALL_CONFIG)
        return self._client


def _rules(client: Any, hostname: str) -> list[Weights]:
    found = []
    for balancer in _all(client, "describe_load_balancers", "LoadBalancers"):
        # The controller writes the name into Ingresses as AWS has it, and DNS does not care.
        if balancer["DNSName"].lower() != hostname.lower():
            continue
        for listener in _all(client, "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"]):
            for rule in _all(client, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]):
                found += [_weights(action) for action in rule["Actions"] if action["Type"] == "forward"]
    return found


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
