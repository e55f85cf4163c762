"""Waits, with a bound, until the controller or AWS reports that the load balancer has the rules of the Ingresses."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from switchyard.aws.elbv2 import Balancers
from switchyard.config.kubernetes import CORE, NETWORKING, TARGETS
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import ServiceSettings
from switchyard.errors import AwsError
from switchyard.gates.rules.load_balancer import (
    ExpectedRule,
    RouteObservation,
    RouteState,
    RouteVerdict,
    ServiceKey,
    configured_ingresses,
    expected_rules,
    last_event,
    listener_port,
    members,
    missing_rules,
    refusal,
    verdict,
    written_by_program,
)
from switchyard.kube.access import ClusterAccess
from switchyard.kube.api import BoundedApi
from switchyard.kube.ingresses import hostnames
from switchyard.kube.polling import poll_until
from switchyard.manifests.ingress import GROUP_NAMESPACE
from switchyard.manifests.ingress_routes import parts

WAIT_SECONDS = 120.0
"""Time limit in seconds for an Ingress that this run has written: the controller takes seconds."""

FAILING_SECONDS = 15.0
"""How long the controller must report a failure until that is the result: it retries, and AWS is eventually
consistent."""

QUIET_SECONDS = 10.0
"""How long to wait for an event of the controller where the rules exist already. It drops events after 25 an object,
and then writes one in five minutes (client-go, EventCorrelator)."""

SETTLE_SECONDS = 3.0
"""Seconds for which a success must hold if AWS does not answer: it may belong to an earlier change."""

POLL_SECONDS = 1.0
"""Seconds between two readings, because AWS offers no watch."""


@dataclass(frozen=True)
class GroupProblem:
    """A problem of a load balancer.

    Attributes:
        text: the message.
        leaving: Ingresses that the end of the update deletes, which may be the cause.
    """

    text: str
    leaving: tuple[str, ...] = ()


class BalancerGroup:
    """The Ingresses of one load balancer, and whether it has their rules.

    Args:
        access: the cluster.
        cluster: settings of the cluster, which has a load balancer.
        services: settings of all services.
        report: prints what the wait is for.
        balancers: the client of Elastic Load Balancing.
    """

    def __init__(
        self,
        access: ClusterAccess,
        cluster: Ec2Cluster,
        services: Mapping[str, ServiceSettings],
        report: Callable[[str], None] = lambda _: None,
        balancers: Balancers | None = None,
    ) -> None:
        if (alb := cluster.load_balancer) is None:
            raise ValueError("the cluster has no load balancer")
        self._access = access
        self._group = cluster.name
        self._port = listener_port(alb)
        self._kept = configured_ingresses(parts(alb.routes), services)
        self._report = report
        self._balancers = balancers or Balancers(cluster.region)

    async def now(self) -> GroupProblem | None:
        """The present problem of the load balancer, or None. Raises `switchyard.errors.ClusterError`."""
        observation = await self._observe(await self._access.api())
        outcome = verdict(observation, written=False)
        return None if outcome.state is RouteState.DONE else self._problem(observation, outcome, 0)

    async def carried_out(self, *, written: bool) -> GroupProblem | None:
        """Waits until the load balancer has the rules of the Ingresses. Returns the problem that is left, or None.

        Args:
            written: whether this run has written one of the Ingresses.

        Raises:
            switchyard.errors.ClusterError: the cluster does not answer.
        """
        api, clock = await self._access.api(), asyncio.get_running_loop().time
        patience = _Patience(clock(), written=written)
        last_reason: str | None = None

        async def observe() -> tuple[RouteObservation, RouteVerdict, bool | None]:
            observation = await self._observe(api)
            judgement = verdict(observation, written=written)
            return observation, judgement, patience.answer(judgement, clock(), certain=observation.missing is not None)

        def report(result: tuple[RouteObservation, RouteVerdict, bool | None]) -> None:
            nonlocal last_reason
            if result[1].reason and result[1].reason != last_reason:
                self._report(f"waiting for the load balancer of {self._group}: {result[1].reason}")
                last_reason = result[1].reason

        observation, judgement, answer = await poll_until(
            observe,
            lambda result: result[2] is not None,
            seconds=WAIT_SECONDS + FAILING_SECONDS,  # the patience ends before
            every=POLL_SECONDS,
            report=report,
        )
        return None if answer else self._problem(observation, judgement, clock() - patience.began)

    def _problem(self, observation: RouteObservation, outcome: RouteVerdict, seconds: float) -> GroupProblem:
        return GroupProblem(refusal(self._group, observation, outcome, seconds), tuple(observation.leaving))

    async def _observe(self, api: BoundedApi) -> RouteObservation:
        ingresses = (await api.find_all("ingresses", None, {}, NETWORKING))["items"]
        own_group = members(self._group, ingresses)
        selected = {"fieldSelector": "involvedObject.kind=Ingress"}
        events = (await api.ask("list", "events", "", None, CORE, params=selected))["items"]
        missing, unknown = await self._missing(api, own_group)
        event = last_event(own_group, events)
        return RouteObservation(
            changed=max((int(ingress["metadata"]["resourceVersion"]) for ingress in own_group.values()), default=0),
            event=event,
            missing=missing,
            unknown=unknown,
            leaving=sorted(written_by_program(own_group).keys() - self._kept),
            old=event is not None and event.is_old(datetime.now(UTC)),
        )

    async def _missing(
        self, api: BoundedApi, own_group: Mapping[str, Mapping[str, Any]]
    ) -> tuple[list[ExpectedRule] | None, str | None]:
        """The routes without a rule, or the reason why they are not known."""
        try:
            rules = [
                rule
                for name in sorted(hostnames(own_group.values()))
                for rule in await self._balancers.listener_rules(name)
            ]
        except AwsError as error:
            return None, str(error)
        expected = expected_rules(written_by_program(own_group).values())
        return missing_rules(expected, rules, self._port, await _target_groups(api)), None


class _Patience:
    """Decides how long a verdict must hold before it is the result.

    Args:
        began: time at which the wait began.
        written: whether this run has written an Ingress.
    """

    def __init__(self, began: float, *, written: bool) -> None:
        self.began = began
        self._bound = WAIT_SECONDS if written else FAILING_SECONDS
        self._written = written
        self._state: RouteState | None = None
        self._since = began

    def answer(self, outcome: RouteVerdict, now: float, *, certain: bool) -> bool | None:
        """Whether the load balancer is as configured; None while the wait continues.

        Args:
            outcome: the present verdict.
            now: the present time.
            certain: whether AWS has answered.
        """
        if outcome.state is not self._state:
            self._state, self._since = outcome.state, now
        if now - self.began >= self._bound:
            return outcome.state in {RouteState.DONE, RouteState.QUIET}
        seconds = now - self._since
        match outcome.state:
            case RouteState.DONE:
                return True if certain or not self._written or seconds >= SETTLE_SECONDS else None
            case RouteState.QUIET:
                return True if seconds >= QUIET_SECONDS else None
            case RouteState.FAILING:
                return False if seconds >= FAILING_SECONDS else None
            case RouteState.WAITING:
                return None


async def _target_groups(api: BoundedApi) -> dict[str, ServiceKey]:
    """Namespace and name of the Service of each target group, by its ARN."""
    if not await api.knows("targetgroupbindings", GROUP_NAMESPACE, TARGETS):
        return {}
    bindings = await api.find_all("targetgroupbindings", None, {}, TARGETS)
    return {
        item["spec"]["targetGroupARN"]: (item["metadata"]["namespace"], item["spec"]["serviceRef"]["name"])
        for item in bindings["items"]
        if item["spec"].get("targetGroupARN")
    }


async def load_balancer_problem(
    access: ClusterAccess, cluster: object, services: Mapping[str, ServiceSettings]
) -> str | None:
    """The problem of a stack's load balancer at this moment, for `switchyard status`; None without a problem.

    Args:
        access: the cluster.
        cluster: settings of the cluster.
        services: settings of all services.

    Raises:
        switchyard.errors.ClusterError: the cluster does not answer.
    """
    if not isinstance(cluster, Ec2Cluster) or cluster.load_balancer is None:
        return None
    problem = await BalancerGroup(access, cluster, services).now()
    return None if problem is None else problem.text
