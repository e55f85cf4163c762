"""Judges restarts and readiness of the new colour's pods during a watch. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from switchyard.config.models.watch import Watch
from switchyard.kube.pod_states import READY, has_ended, pod_state

OUT_OF_MEMORY = "OOMKilled"
"""Termination reason of a container that has reached its memory limit."""


@dataclass(frozen=True)
class WatchedPod:
    """The state of one pod at one moment.

    Attributes:
        uid: unique identifier of the pod.
        name: name of the pod.
        ready: whether the pod takes traffic.
        ending: whether the pod is being deleted, or has ended, for example by an eviction.
        restarts: number of restarts of its containers since its start.
        reason: reason of the last termination of a container; empty without one.
        reachable: whether the pod has an address, so that its metrics can be read.
    """

    uid: str
    name: str
    ready: bool
    ending: bool = False
    restarts: int = 0
    reason: str = ""
    reachable: bool = True


def watched_pods(pods: Iterable[Mapping[str, Any]]) -> list[WatchedPod]:
    """The pods of a list of the API, including pods that are being deleted, which may still answer."""
    return [_watched(pod) for pod in pods]


def _watched(pod: Mapping[str, Any]) -> WatchedPod:
    status = pod.get("status", {})
    containers = status.get("containerStatuses", [])
    ends = [
        state["terminated"]
        for container in containers
        for state in (container.get("state", {}), container.get("lastState", {}))
        if state.get("terminated")
    ]
    return WatchedPod(
        uid=pod["metadata"]["uid"],
        name=pod["metadata"]["name"],
        ready=pod_state(pod) == READY,
        ending="deletionTimestamp" in pod["metadata"] or has_ended(pod),
        restarts=sum(int(container.get("restartCount", 0)) for container in containers),
        reason=_last_reason(ends),
        reachable=bool(status.get("podIP")) and status.get("phase") == "Running",
    )


def _last_reason(ends: Collection[Mapping[str, Any]]) -> str:
    """The reason of the last end of a container; of several in one second that of the memory limit.

    An earlier end may be of another container, and from before the watch.
    """
    last = max((end.get("finishedAt") or "" for end in ends), default="")
    reasons = [str(end.get("reason") or "") for end in ends if (end.get("finishedAt") or "") == last]
    return OUT_OF_MEMORY if OUT_OF_MEMORY in reasons else next(iter(reasons), "")


class PodHealth:
    """Counts the restarts since the watch began, and how long pods have been without readiness.

    Args:
        watch: settings with the limits.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._at_first: dict[str, int] = {}
        self._restarts: dict[str, int] = {}
        self._restarted: dict[str, WatchedPod] = {}
        self._were_ready: set[str] = set()
        self._unready_since: float | None = None
        self._unready = ""
        self._now = 0.0

    def add(self, pods: Collection[WatchedPod], now: float, *, first: bool = False) -> None:
        """Adds an observation.

        Args:
            pods: pods of the new colour.
            now: seconds of a monotonic clock.
            first: whether it is the first observation, whose restarts happened before the watch.
        """
        self._now = now
        for pod in pods:
            before = self._at_first.setdefault(pod.uid, pod.restarts if first else 0)
            if pod.restarts - before > self._restarts.get(pod.uid, 0):
                self._restarts[pod.uid] = pod.restarts - before
                self._restarted[pod.uid] = pod
        self._add_readiness([pod for pod in pods if not pod.ending], now)

    def _add_readiness(self, pods: Collection[WatchedPod], now: float) -> None:
        # A pod that an autoscaler adds, or that replaces another one, is not ready at first. That is no fault.
        self._were_ready |= {pod.uid for pod in pods if pod.ready}
        known = [pod for pod in pods if pod.uid in self._were_ready]
        ready = sum(pod.ready for pod in known)
        self._unready = "" if known and ready == len(known) else f"{ready} of {len(known) or len(pods)} pods are ready"
        if ready * 2 < len(known) or not ready:
            self._unready_since = now if self._unready_since is None else self._unready_since
        else:
            self._unready_since = None

    @property
    def restarts(self) -> int:
        """Number of restarts since the watch began, including those of deleted pods."""
        return sum(self._restarts.values())

    @property
    def unready(self) -> str:
        """A clause about the number of ready pods, if pods have lost their readiness; empty otherwise."""
        return self._unready

    @property
    def problem(self) -> str | None:
        """The reason to judge the version bad by its pods, as text; None without one."""
        out_of_memory = sorted(pod.name for pod in self._restarted.values() if pod.reason == OUT_OF_MEMORY)
        if out_of_memory:
            return f"pod {out_of_memory[0]} has reached its memory limit ({OUT_OF_MEMORY}) and was restarted"
        if self.restarts > self._watch.max_restarts:
            last = max(self._restarted.values(), key=lambda pod: pod.name)
            reason = f", the last reason is {last.reason} of pod {last.name}" if last.reason else f", of {last.name}"
            counted = f"{self.restarts} restart{'s' if self.restarts > 1 else ''} of containers"
            return f"{counted} since the watch began{reason}; {self._watch.max_restarts} are tolerated"
        if self._unready_since is not None and self._now - self._unready_since >= self._watch.unready_seconds:
            return f"{self._unready} for {self._now - self._unready_since:.0f} s"
        return None
