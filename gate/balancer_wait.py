"""Waits, with a bound, until the load balancer's controller or AWS says that the Ingresses are carried out."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gate.access import ClusterAccess
from gate.api import CORE, NETWORKING, TARGETS, BoundedApi
from gate.balancer import AwsError, Balancers
from gate.balancer_group import (
    ExpectedRule,
    Observation,
    ServiceKey,
    State,
    Verdict,
    asked_rules,
    kept,
    last_word,
    listener_port,
    members,
    missing_rules,
    ours,
    refusal,
    verdict,
)
from gate.weights import hostnames
from render.ingress import GROUP_NAMESPACE
from render.routes import parts
from settings.ec2 import Ec2Cluster
from settings.service import ServiceSettings

WAIT_SECONDS = 120.0
"""Bound on the wait for an Ingress that this run has written: the controller takes seconds for rules and targets."""

FAILING_SECONDS = 15.0
"""How long the controller complains until that is the answer: it tries again by itself, and at AWS a thing that was
just made may not be seen everywhere yet."""

QUIET_SECONDS = 10.0
"""How long a controller that says nothing is waited for where the rules are there already. It drops events when it has
said much (client-go, 25 an object and then one in five minutes)."""

SETTLE_SECONDS = 3.0
"""How long its word must stand where AWS cannot be asked: it may be of a change before the last one."""

POLL_SECONDS = 1.0
"""Between two observations: AWS offers nothing to watch."""


@dataclass(frozen=True)
class GroupProblem:
    """What is wrong with a load balancer.

    Attributes:
        text: for people.
        leaving: Ingresses that the end of the update deletes, which may be the cause.
    """

    text: str
    leaving: tuple[str, ...] = ()


class BalancerGroup:
    """The Ingresses of one load balancer and what becomes of them.

    Args:
        access: the cluster.
        cluster: its settings, with a load balancer.
        services: settings of all services.
        say: takes a line on what is waited for.
        balancers: asks AWS.
    """

    def __init__(
        self,
        access: ClusterAccess,
        cluster: Ec2Cluster,
        services: Mapping[str, ServiceSettings],
        say: Callable[[str], None] = lambda _: None,
        balancers: Balancers | None = None,
    ) -> None:
        if (alb := cluster.load_balancer) is None:
            raise ValueError("the cluster has no load balancer")
        self._access = access
        self._group = cluster.name
        self._port = listener_port(alb)
        self._kept = kept(parts(alb.routes), services)
        self._say = say
        self._balancers = balancers or Balancers(cluster.region)

    async def now(self) -> GroupProblem | None:
        """What is wrong at this moment. Raises one of `gate.access.UNREACHABLE`."""
        observation = await self._observe(await self._access.api())
        found = verdict(observation, written=False)
        return None if found.state is State.DONE else self._problem(observation, found, 0)

    async def carried_out(self, *, written: bool) -> GroupProblem | None:
        """Waits until the load balancer is as the Ingresses say; returns what is wrong after the time.

        Args:
            written: whether this run has written one of them.

        Raises:
            gate.access.UNREACHABLE: one of them.
        """
        api, clock = await self._access.api(), asyncio.get_running_loop().time
        patience = _Patience(clock(), written=written)
        said = None
        while True:
            observation = await self._observe(api)
            found = verdict(observation, written=written)
            answer = patience.answer(found, clock(), certain=observation.missing is not None)
            if answer is not None:
                return None if answer else self._problem(observation, found, clock() - patience.began)
            if found.reason and found.reason != said:
                self._say(f"waiting for the load balancer of {self._group}: {found.reason}")
                said = found.reason
            await asyncio.sleep(POLL_SECONDS)

    def _problem(self, observation: Observation, found: Verdict, seconds: float) -> GroupProblem:
        return GroupProblem(refusal(self._group, observation, found, seconds), tuple(observation.leaving))

    async def _observe(self, api: BoundedApi) -> Observation:
        ingresses = (await api.find_all("ingresses", None, {}, NETWORKING))["items"]
        found = members(self._group, ingresses)
        selected = {"fieldSelector": "involvedObject.kind=Ingress"}
        events = (await api.ask("list", "events", "", None, CORE, params=selected))["items"]
        missing, unknown = await self._missing(api, found)
        return Observation(
            changed=max((int(each["metadata"]["resourceVersion"]) for each in found.values()), default=0),
            word=last_word(found, events),
            missing=missing,
            unknown=unknown,
            leaving=sorted(ours(found).keys() - self._kept),
        )

    async def _missing(
        self, api: BoundedApi, found: Mapping[str, Mapping[str, Any]]
    ) -> tuple[list[ExpectedRule] | None, str | None]:
        """The routes without a rule, or why that is not known."""
        try:
            rules = [
                rule
                for name in sorted(hostnames(found.values()))
                for rule in await self._balancers.listener_rules(name)
            ]
        except AwsError as error:
            return None, str(error)
        expected = asked_rules(ours(found).values())
        return missing_rules(expected, rules, self._port, await _target_groups(api)), None


class _Patience:
    """How long which verdict is taken for one that passes.

    Args:
        began: when the wait began.
        written: whether this run has written an Ingress.
    """

    def __init__(self, began: float, *, written: bool) -> None:
        self.began = began
        self._bound = WAIT_SECONDS if written else FAILING_SECONDS
        self._written = written
        self._state: State | None = None
        self._since = began

    def answer(self, found: Verdict, now: float, *, certain: bool) -> bool | None:
        """Whether all is well; None while that is open.

        Args:
            found: the present verdict.
            now: the time.
            certain: whether AWS was asked.
        """
        if found.state is not self._state:
            self._state, self._since = found.state, now
        if now - self.began >= self._bound:
            return found.state in {State.DONE, State.QUIET}
        stood = now - self._since
        match found.state:
            case State.DONE:
                return True if certain or not self._written or stood >= SETTLE_SECONDS else None
            case State.QUIET:
                return True if stood >= QUIET_SECONDS else None
            case State.FAILING:
                return False if stood >= FAILING_SECONDS else None
            case State.WAITING:
                return None


async def _target_groups(api: BoundedApi) -> dict[str, ServiceKey]:
    """Namespace and name of the Service of each target group, by its ARN."""
    if not await api.knows("targetgroupbindings", GROUP_NAMESPACE, TARGETS):
        return {}
    found = await api.find_all("targetgroupbindings", None, {}, TARGETS)
    return {
        item["spec"]["targetGroupARN"]: (item["metadata"]["namespace"], item["spec"]["serviceRef"]["name"])
        for item in found["items"]
        if item["spec"].get("targetGroupARN")
    }


async def load_balancer_problem(
    access: ClusterAccess, cluster: object, services: Mapping[str, ServiceSettings]
) -> str | None:
    """What is wrong with the load balancer of a stack at this moment, for `switchyard status`; None without one.

    Args:
        access: the cluster.
        cluster: its settings.
        services: settings of all services.

    Raises:
        gate.access.UNREACHABLE: one of them.
    """
    if not isinstance(cluster, Ec2Cluster) or cluster.load_balancer is None:
        return None
    problem = await BalancerGroup(access, cluster, services).now()
    return None if problem is None else problem.text
