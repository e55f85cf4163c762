"""The two colours of a service at the start of a command, and the plan of the command."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.config.models.service_name import ServiceName, key_of
from switchyard.gates.weighted_routing import LoadBalancerRouting
from switchyard.kube.ingresses import routes_to
from switchyard.manifests.labels import colour_name


class Act(StrEnum):
    """The action that an operator asks for."""

    SWITCH = "switch"
    ROLLBACK = "rollback"
    DEPLOY = "deploy"
    RESUME = "resume"
    ABORT = "abort"
    RETIRE = "retire"
    DRILL = "drill"


@dataclass(frozen=True)
class ColourState:
    """One colour on the cluster.

    Attributes:
        colour: blue or green.
        tag: version of the image in its Deployment; None without a Deployment.
        wanted: number of replicas of its Deployment.
        ready: ready endpoints of its present version.
        ports: ports of the application's container, by name and number.
        nodes: nodes with a ready endpoint of its present version.
        complete_since: when its Deployment had all pods of its present template, in RFC 3339 form and UTC; None if it
            never had.
    """

    colour: Colour
    tag: str | None
    wanted: int
    ready: int
    ports: frozenset[tuple[str, int]] = frozenset()
    nodes: frozenset[str] = frozenset()
    complete_since: str | None = None

    @property
    def configured(self) -> Mapping[str, object]:
        """The configuration keys of this colour with their values on the cluster; empty without a Deployment."""
        return {} if self.tag is None else {"tag": self.tag, "replicas": self.wanted}

    def __str__(self) -> str:
        return f"{self.colour} {self.tag or '(no version)'}, {self.ready} of {self.wanted} pods ready"


@dataclass(frozen=True)
class Observation:
    """A service as it was when the command began.

    Attributes:
        name: name of the service.
        settings: settings of the service.
        live: the Service that users reach, as the API server has it.
        serving: the colour that the Service selects.
        colours: both colours.
        routing: the load balancer that switches with the Service; None where the selector alone does.
        ingresses: the Ingresses whose weights it uses, as the API server has them.
    """

    name: ServiceName
    settings: BlueGreenSettings
    live: Mapping[str, Any]
    serving: Colour
    colours: Mapping[Colour, ColourState]
    routing: LoadBalancerRouting | None = None
    ingresses: tuple[Mapping[str, Any], ...] = ()

    @property
    def what_serves(self) -> str:
        """A sentence about the version that serves now, for messages."""
        return f"{key_of(self.name)} serves {self.colours[self.serving]}."

    @property
    def has_replaced(self) -> bool:
        """Whether the Service was switched away from the present version of the other colour, as far as times show.

        A version that was only warmed was complete after the last write of the Service, or the Service was not written
        since its creation. Another change of the Service counts as a switch.
        """
        metadata, complete = self.live["metadata"], self.colours[self.serving.other].complete_since
        writes = (
            entry.get("time") or ""
            for entry in metadata.get("managedFields") or ()
            if "f:selector" in (entry.get("fieldsV1") or {}).get("f:spec", {})
        )
        written = max(writes, default="")
        return complete is not None and max(complete, metadata.get("creationTimestamp") or "") < written

    def is_at(self, colour: Colour) -> bool:
        """Whether a colour serves by everything that a switch writes: the selector, and weights where there are any."""
        to = {colour_name(self.name, colour)}
        return self.serving == colour and all(route.targets == to for route in routes_to(self.name, self.ingresses))

    def pods_to_configure(self, colour: Colour) -> int | None:
        """Number of the pods of a colour on the cluster, if the configuration has none; None otherwise.

        A retirement that was killed before its update leaves a colour like that. An autoscaler sizes a colour that the
        configuration gives no pods.
        """
        wanted, configured = self.colours[colour].wanted, self.settings.own(Track(colour)).replicas
        return wanted if wanted and not configured and self.settings.autoscaling is None else None


@dataclass(frozen=True)
class Plan:
    """The plan of a command, as the operator confirms it.

    Attributes:
        act: switch or rollback.
        observation: observation of the service.
        target: the colour that will serve.
        warm_tag: the version with which the target has to be warmed first; None if it is warm.
        patch: whether the selector or a weight has to be changed; otherwise only configuration and state follow.
        warnings: warnings that are shown before the confirmation.
    """

    act: Act
    observation: Observation
    target: Colour
    warm_tag: str | None = None
    patch: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def completes(self) -> bool:
        """Whether the selector is as wanted, and an earlier command that was killed has left weights to write."""
        return self.patch and self.observation.serving == self.target

    @property
    def source(self) -> ColourState:
        """The colour that serves."""
        return self.observation.colours[self.observation.serving]

    @property
    def to(self) -> ColourState:
        """The colour that will serve."""
        return self.observation.colours[self.target]

    @property
    def to_tag(self) -> str | None:
        """The version that will serve."""
        return self.warm_tag or self.to.tag
