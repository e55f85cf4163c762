"""What serves right now, beside what is configured."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gate.cluster import Cluster, ClusterAccess
from gate.decisions import ready_pods
from render.labels import colour_name
from settings.service import Colour, ServiceSettings


@dataclass(frozen=True)
class ColourStatus:
    """One colour: its configured tag and replicas, and how many of its pods are ready endpoints."""

    tag: str | None
    wanted: int
    ready: int


@dataclass(frozen=True)
class ServiceStatus:
    """One service: `configured` is the stack's word, `serving` the selector on the cluster."""

    name: str
    namespace: str
    configured: Colour
    serving: Colour | None
    colours: Mapping[Colour, ColourStatus]
    node_port: int | None
    simulated: bool

    @property
    def as_configured(self) -> bool:
        """Whether the configured colour serves, and both colours have the pods they were given."""
        return self.serving == self.configured and all(
            colour.ready == colour.wanted for colour in self.colours.values()
        )


async def look(access: ClusterAccess, services: Mapping[str, ServiceSettings]) -> list[ServiceStatus]:
    """Reads the state of every service, side by side. Raises one of `gate.cluster.UNREACHABLE`."""
    cluster = await Cluster.connect(access)
    return list(await asyncio.gather(*(_service(cluster, name, service) for name, service in services.items())))


async def _service(cluster: Cluster, name: str, service: ServiceSettings) -> ServiceStatus:
    endpoints = {colour: await cluster.endpoints(service.namespace, colour_name(name, colour)) for colour in Colour}
    nodes = {endpoint.node for found in endpoints.values() for endpoint in found}
    return ServiceStatus(
        name=name,
        namespace=service.namespace,
        configured=service.active,
        serving=await cluster.serving_colour(service.namespace, name),
        colours={
            colour: ColourStatus(
                tag=service.colour(colour).tag,
                wanted=service.colour(colour).replicas,
                ready=len(ready_pods(endpoints[colour])),
            )
            for colour in Colour
        },
        node_port=service.node_port,
        simulated=bool(await cluster.simulated(nodes)),
    )
