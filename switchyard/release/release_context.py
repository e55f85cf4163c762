"""The context of a release: its cluster, its engine and its callbacks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from switchyard.gates.base import Warn
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.release.engine.engine import Engine
from switchyard.release.plan import Observation
from switchyard.release.watch.verdict import Verdict

Observe = Callable[[], Awaitable[Observation]]


@dataclass(frozen=True)
class ReleaseContext:
    """The cluster, the engine and the callbacks that a release works with.

    Attributes:
        access: the cluster of the stack.
        cluster: the connected cluster of the stack.
        engine: the engine of the stack.
        stack: name of the stack.
        observe: reads the service.
        warn: reports a warning.
        on_tick: is called after each reading of the watch.
        versions: the version of each service that is released together with this one, itself among them, by the key of
            the service; empty for one alone.
    """

    access: ClusterAccess
    cluster: Cluster
    engine: Engine
    stack: str
    observe: Observe
    warn: Warn
    on_tick: Callable[[Verdict], None] = lambda _: None
    versions: Mapping[str, str] = field(default_factory=dict)
