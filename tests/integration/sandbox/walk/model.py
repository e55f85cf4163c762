"""The desired state of the services of a random walk: what is configured, and what the cluster must show."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from switchyard.config.models.service import Colour

WANTED = 3
"""Replicas of a colour that serves."""

BAD_VERSION_SECONDS = 5
"""`readyTimeoutSeconds` of a service with a bad version, which is never ready however long one waits."""

Pods = Counter[tuple[str, str, str]]
"""Ready pods by service, colour and tag."""


@dataclass
class ServiceModel:
    """One service of the walk.

    Attributes:
        name: its key and its name.
        active: the colour that is configured to serve.
        tags: tag of each colour.
        replicas: number of replicas of each colour.
        versions: how many tags it has had.
        environment: environment of the active colour.
        ready_seconds: `readyTimeoutSeconds`; None leaves the default.
    """

    name: str
    active: Colour = Colour.BLUE
    tags: dict[Colour, str] = field(default_factory=lambda: dict.fromkeys(Colour, "v1"))
    replicas: dict[Colour, int] = field(default_factory=lambda: {Colour.BLUE: WANTED, Colour.GREEN: 0})
    versions: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    ready_seconds: int | None = None

    def entry(self, namespace: str) -> dict[str, Any]:
        """The service in the configuration of the stack."""
        colours: dict[str, dict[str, Any]] = {
            colour.value: {"tag": self.tags[colour], "replicas": self.replicas[colour]} for colour in Colour
        }
        if self.environment:
            colours[self.active.value]["env"] = self.environment
        return {
            "image": "ghcr.io/org/backend",
            "namespace": namespace,
            "gate": {"timeoutSeconds": 60},
            # So that both colours of all services fit the two simulated nodes.
            "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}},
            "active": self.active.value,
            **colours,
            **({} if self.ready_seconds is None else {"readyTimeoutSeconds": self.ready_seconds}),
        }

    def pods(self) -> Pods:
        """The pods that the cluster must have once an update has ended well."""
        wanted = {(self.name, colour.value, self.tags[colour]): self.replicas[colour] for colour in Colour}
        return +Counter(wanted)

    def warm(self, replicas: int) -> None:
        """Gives the idle colour a new version and pods, or 0 to retire it."""
        self.versions += 1
        self.tags[self.active.other] = f"v{self.versions}"
        self.replicas[self.active.other] = replicas

    def switch(self) -> None:
        """Makes the idle colour active, with a new version unless it has all its pods already; the other one stays."""
        if self.replicas[self.active.other] != WANTED:
            self.warm(WANTED)
        self.active = self.active.other

    def release(self) -> None:
        """A whole release in one update: the idle colour gets a new version and serves, the other one retires."""
        self.warm(WANTED)
        self.active = self.active.other
        self.replicas[self.active.other] = 0

    def release_bad_version(self, fault: str) -> None:
        """Tries to release a version that does not get ready."""
        self.warm(WANTED)
        self.tags[self.active.other] += fault
        self.active = self.active.other
        self.ready_seconds = BAD_VERSION_SECONDS

    def give_up_bad_version(self) -> None:
        """Reverts to the colour that serves, and retires the one with the bad version."""
        self.active = self.active.other
        self.ready_seconds = None
        self.warm(0)
