"""Reads a blue/green service from the cluster at the start of a command."""

import asyncio
from collections.abc import Mapping
from typing import Any

from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.config.models.service_name import ServiceName
from switchyard.errors import GateRefusedError
from switchyard.gates.weighted_routing import LoadBalancerRouting
from switchyard.kube.cluster import Cluster
from switchyard.kube.images import parsed
from switchyard.kube.objects import application, ports_of
from switchyard.kube.selectors import endpoint_nodes, ready_pods, serving_track
from switchyard.manifests.labels import colour_name
from switchyard.manifests.ownership_marks import Mark
from switchyard.release.plan import ColourState, Observation
from switchyard.release.refusals import refuse_foreign, refuse_selector

COMPLETE = "NewReplicaSetAvailable"
"""The reason of a Deployment's condition when all of its pods have the present template."""


async def observe(
    cluster: Cluster,
    name: ServiceName,
    settings: BlueGreenSettings,
    own: Mark,
    described: str,
    routing: LoadBalancerRouting | None = None,
) -> Observation:
    """Reads the Service and both colours of a service, and its Ingresses where the load balancer switches.

    Args:
        cluster: the cluster.
        name: name of the service.
        settings: settings of the service.
        own: project and name of the stack.
        described: the kubeconfig and its context, for messages.
        routing: the load balancer whose weights a switch changes; None without one.

    Raises:
        GateRefusedError: the Service is missing, is not this stack's, or selects neither colour.
        switchyard.errors.ClusterError: the cluster cannot be read.
    """
    live, ingresses, *states = await asyncio.gather(
        cluster.api.find("services", name, settings.namespace),
        _ingresses(cluster, settings.namespace, routing),
        *(_colour(cluster, name, settings, colour) for colour in Colour),
    )
    if (refusal := refuse_foreign(name, settings, live, own, described)) is not None:
        raise GateRefusedError(str(refusal))
    selected = live["spec"].get("selector") or {}
    if (refusal := refuse_selector(name, settings, selected)) is not None:
        raise GateRefusedError(str(refusal))
    serving = Colour(str(serving_track(name, selected)))
    colours = {state.colour: state for state in states}
    return Observation(name, settings, live, serving, colours, routing, ingresses)


async def _ingresses(
    cluster: Cluster, namespace: str, routing: LoadBalancerRouting | None
) -> tuple[Mapping[str, Any], ...]:
    if routing is None:
        return ()
    return tuple(item for item in await cluster.ingresses(namespace) if item["metadata"]["name"] in routing.ingresses)


async def _colour(cluster: Cluster, name: str, settings: BlueGreenSettings, colour: Colour) -> ColourState:
    owner, endpoints, current = await asyncio.gather(
        cluster.owner(settings.namespace, name, Track(colour)),
        cluster.endpoints(settings.namespace, colour_name(name, colour)),
        cluster.current_pods(settings.namespace, name, Track(colour)),
    )
    if owner is None:
        return ColourState(colour, None, 0, 0)
    container = application(owner["spec"]["template"]["spec"])
    own = [endpoint for endpoint in endpoints if endpoint.pod in current]
    tag, wanted = parsed(container["image"]).configured, owner["spec"].get("replicas", 1)
    ready = len(ready_pods(own))
    return ColourState(colour, tag, wanted, ready, ports_of(container), endpoint_nodes(own), _complete_since(owner))


def _complete_since(deployment: Mapping[str, Any]) -> str | None:
    """When the Deployment had all pods of its present template; None if it never had."""
    conditions = deployment.get("status", {}).get("conditions") or ()
    return next((item["lastUpdateTime"] for item in conditions if item.get("reason") == COMPLETE), None)
