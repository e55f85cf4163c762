"""The state of a service that the program reads from the cluster before it registers resources."""

from collections.abc import Collection
from dataclasses import dataclass, field

from switchyard.config.models.service import Track
from switchyard.gates.rules.sizes import Sizing
from switchyard.kube.content import Content
from switchyard.kube.live_rollouts import LiveRollout


@dataclass(frozen=True)
class Observed:
    """One service as the cluster had it when the run began.

    Attributes:
        release: the Rollout and the selector of the Service.
        content: versions of the ConfigMaps and Secrets that the service refers to.
        sizing: the numbers of pods that an autoscaler decides on.
        kept: the tracks whose pod template stays as the cluster's admission has rewritten it.
    """

    release: LiveRollout = field(default_factory=LiveRollout)
    content: Content = field(default_factory=Content)
    sizing: Sizing = field(default_factory=Sizing)
    kept: Collection[Track] = frozenset()
