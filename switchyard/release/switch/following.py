"""Observes a switch after the patch: the endpoints, and which version answers on each node."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from switchyard.config.models.service import Colour
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.gates.waits import ANSWER_SECONDS
from switchyard.kube.cluster import Cluster
from switchyard.kube.objects import Endpoint
from switchyard.kube.polling import watch_until
from switchyard.kube.selectors import ready_pods
from switchyard.manifests.labels import selector
from switchyard.release.plan import Plan
from switchyard.release.receipt.balancer_answer import NODES_OF_BALANCER, BalancerAnswer
from switchyard.release.receipt.node_ports import follow_nodes, node_port
from switchyard.release.receipt.receipt import ALL_NODES, NodeAnswer, Receipt, node_answer
from switchyard.release.switch.content_changes import see_content
from switchyard.release.switch.switching import switching_of

FOLLOW_SECONDS = 10
"""Seconds for which the endpoints are watched after the patch. The switch is done in any case."""

BALANCER_SECONDS = 30.0
"""Seconds for which AWS is asked after the patch. The controller carries a change out in ten, or not at all."""

NO_NODES = "nodes: no ready node has a kube-proxy that could be asked"


class Following:
    """Observes whether endpoints and nodes follow a switch. Raises no `ClusterError`: the switch is done.

    Args:
        cluster: the cluster.
        plan: the switch.
        elapsed: seconds since the command began.
    """

    def __init__(self, cluster: Cluster, plan: Plan, elapsed: Callable[[], float]) -> None:
        self._cluster = cluster
        self._plan = plan
        self._elapsed = elapsed

    async def endpoints(self, receipt: Receipt) -> Receipt:
        """The receipt with the endpoints of the Service, once they are those of the new colour alone."""
        plan, settings, ready = self._plan, self._plan.observation.settings, 0
        name = plan.observation.name
        try:
            own, old = await asyncio.gather(self._pods(plan.target), self._pods(plan.target.other))

            async def follows(endpoints: frozenset[Endpoint]) -> bool:
                nonlocal ready, own
                pods = ready_pods(endpoints)
                ready = len(pods)
                if pods - own - old:  # an autoscaler or a renewal may have added some to the new colour
                    own = own | await self._pods(plan.target)
                return bool(ready) and pods <= own

            watch = self._cluster.watch_endpoints(settings.namespace, name)
            if await watch_until(watch, follows, FOLLOW_SECONDS):
                receipt = replace(receipt, endpoints_after=self._elapsed())
            return replace(receipt, ready_endpoints=ready)
        except ClusterError as error:
            return replace(receipt, unseen=(*receipt.unseen, f"endpoints: {error}"))

    async def _pods(self, colour: Colour) -> frozenset[str]:
        observation = self._plan.observation
        labels = selector(observation.name, colour)
        return frozenset(pod.name for pod in await self._cluster.pods(observation.settings.namespace, labels))

    async def nodes_and_content(self, receipt: Receipt) -> Receipt:
        """The receipt with the observations of each node, and of the Secrets and ConfigMaps."""
        followed, content = await asyncio.gather(self.routed(receipt), see_content(self._cluster.api, self._plan))
        unseen = (f"versions of Secrets and ConfigMaps: {content.problem}",) if content.problem else ()
        problems = (*followed.unseen, *unseen)
        return replace(followed, content=content.versions, content_warning=content.warning, unseen=problems)

    async def routed(self, receipt: Receipt, seconds: float | None = None) -> Receipt:
        """The receipt with the observations of each node, and of the load balancer where it chooses the colour.

        Args:
            receipt: the receipt so far.
            seconds: how long the load balancer is given to follow; None gives it the usual time.
        """
        balancer_seconds = BALANCER_SECONDS if seconds is None else seconds
        followed, balancer = await asyncio.gather(self.nodes(receipt), self._balancer(balancer_seconds))
        unseen = (*followed.unseen, *((NODES_OF_BALANCER,) if balancer is not None else ()))
        return replace(followed, balancer=balancer, unseen=unseen)

    async def _balancer(self, seconds: float) -> BalancerAnswer | None:
        answer = await switching_of(self._cluster, self._plan.observation).follow(self._plan, seconds)
        return replace(answer, after=self._elapsed()) if answer is not None and answer.follows else answer

    async def nodes(self, receipt: Receipt) -> Receipt:
        """The receipt with the observations of each node."""
        try:
            nodes, unseen = await self._asked()
        except AccessDeniedError as error:
            nodes, unseen = (NodeAnswer(ALL_NODES, None, f"not seen: the kubeconfig's user {error}"),), ()
        except ClusterError as error:
            return replace(receipt, nodes_unread=True, unseen=(*receipt.unseen, f"nodes: {error}"))
        else:
            unseen = unseen if nodes else (*unseen, NO_NODES)
        return replace(receipt, nodes=nodes, unseen=(*receipt.unseen, *unseen))

    async def _asked(self) -> tuple[tuple[NodeAnswer, ...], tuple[str, ...]]:
        api, labels = self._cluster.api, self._plan.observation.settings.node_selector
        # A load balancer sends requests to the node ports of the nodes with these labels. Every node routes requests of
        # its own pods.
        port, targets, nodes = await asyncio.gather(
            node_port(api, self._plan), self._cluster.ready_nodes(labels), self._cluster.ready_nodes({})
        )
        answers: dict[str, NodeAnswer] = {}
        if targets and not isinstance(port, str):
            answers = {node.node: node for node in await follow_nodes(api, port, targets, self._elapsed)}
            if all(name in answers and answers[name].follows is not None for name in nodes):
                return tuple(answers[name] for name in targets), ()
        if not nodes:
            return (), ()
        # What was not seen to answer is judged by the health of its kube-proxy.
        health = {node.node: node_answer(node) for node in await self._cluster.routing(ANSWER_SECONDS) if node.ready}
        if isinstance(port, str):
            unseen = (
                f"when each NodePort first answered with the new version: {port}; the health of kube-proxy is shown"
            )
            return tuple(health.values()), (unseen,)
        others = tuple(answer for name, answer in health.items() if name not in answers)
        return (*(_together(answer, health.get(name)) for name, answer in answers.items()), *others), ()


async def still_behind(cluster: Cluster, plan: Plan, receipt: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Names of the nodes that may still send requests to the old colour, checked again.

    Args:
        cluster: the cluster.
        plan: the switch.
        receipt: receipt of the switch in the record.
    """
    nodes = (receipt or {}).get("nodes") or []
    if (
        nodes
        and (receipt or {}).get("endpointsAfter") is not None
        and all(node.get("follows") is True or node.get("node") == ALL_NODES for node in nodes)
    ):
        return ()
    return (await recheck_following(cluster, plan)).may_send_to_old


async def recheck_following(cluster: Cluster, plan: Plan) -> Receipt:
    """Observes a completed switch again: endpoints, load balancer, and which version answers on each node.

    Args:
        cluster: the cluster.
        plan: the switch.
    """
    began = time.monotonic()
    following = Following(cluster, plan, lambda: time.monotonic() - began)
    return await following.routed(await following.endpoints(Receipt("")), seconds=0)


def _together(asked: NodeAnswer, health: NodeAnswer | None) -> NodeAnswer:
    """Whether a node follows, by its answers, or otherwise by the health of its kube-proxy."""
    if asked.follows is not None or health is None:
        return asked
    why = "; ".join(filter(None, (asked.problem, health.problem or "its kube-proxy reports that it follows")))
    return replace(asked, follows=health.follows, problem=why)
