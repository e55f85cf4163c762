"""The state of a pod, in terms of Kubernetes: pure functions."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from switchyard.config.models.pod_settings import CONTAINER

READY = "ready"
"""The state of a pod that takes traffic."""

UNREADY = "running, but its readiness probe does not succeed"
"""The state of a pod whose containers run and which is not ready for no other known cause."""

ENDED = frozenset({"Failed", "Succeeded"})
"""Phases of a pod that has ended, for example by an eviction. It stays in lists until somebody deletes it."""

STARTING = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons that say only that a container has not started. The cause is in the pod's events."""

PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
"""Reasons that are about the image."""

LONGEST = 300
"""Largest number of characters of a message that is shown."""


def has_ended(pod: Mapping[str, Any]) -> bool:
    """Whether the containers of a pod have ended and are not started again."""
    return (pod.get("status") or {}).get("phase") in ENDED


def pod_state(pod: Mapping[str, Any]) -> str:
    """The state of a pod: ready, or the closest cause why not. Pods with the same cause have the same text."""
    status, spec = pod.get("status", {}), pod.get("spec", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if conditions.get("Ready", {}).get("status") == "True":
        return READY
    if status.get("reason"):  # of the whole pod: evicted, its node lost, not admitted by the kubelet
        return _with_message(str(status["reason"]), status.get("message"))
    for state in _containers_states(status, conditions):
        return state
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return _with_message(str(scheduled.get("reason")), _scheduling(str(scheduled.get("message") or "")))
    for gate in spec.get("readinessGates", []):
        if conditions.get(gate["conditionType"], {}).get("status") != "True":
            return f"running, but its readiness gate {gate['conditionType']} is not True"
    if status.get("phase") == "Running":
        return _unready(status)
    return str(status.get("phase", "Unknown"))


def _containers_states(status: Mapping[str, Any], conditions: Mapping[str, Any]) -> Iterator[str]:
    if conditions.get("Initialized", {}).get("status") == "False":
        for container in status.get("initContainerStatuses", []):
            if (state := _container_state(container)) is not None:
                yield f"init container {container.get('name')}: {state}"
            elif "running" in container.get("state", {}) and not container.get("started"):
                yield f"init container {container.get('name')} has not ended"
    states = [(container, _container_state(container)) for container in status.get("containerStatuses", [])]
    # What has failed says more than what has not started yet.
    for container, state in sorted(states, key=lambda entry: entry[1] in STARTING):
        if state is not None:
            yield state if container.get("name") in {None, CONTAINER} else f"container {container['name']}: {state}"


def _container_state(container: Mapping[str, Any]) -> str | None:
    """The reason why a container does not run; None if it runs, or has completed."""
    state = container.get("state", {})
    if reason := state.get("waiting", {}).get("reason"):
        if reason in STARTING:
            return str(reason)
        last = container.get("lastState", {}).get("terminated", {})
        text = f"{reason} of {container['image']}" if reason in PULLING and "image" in container else str(reason)
        # The message of a crash loop has the pod's own name, and nothing that the exit code does not tell.
        message = None if reason == "CrashLoopBackOff" else state["waiting"].get("message")
        return _with_message(f"{text} ({_counted(container, last)})", message)
    ended = state.get("terminated", {})
    if ended.get("reason") and ended.get("exitCode") != 0:
        return _with_message(f"{ended['reason']} ({_counted(container, ended)})", None)
    if ended.get("reason") and container.get("name") in {None, CONTAINER}:
        return f"{ended['reason']} ({_counted(container, {})}): it exited by itself"
    return None


def _counted(container: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
    parts = [f"{container.get('restartCount', 0)} restarts"]
    if "exitCode" in ended:
        parts.append(f"last exit code {ended['exitCode']}")
    if ended.get("reason") not in {None, "Error", "Completed"} and container.get("state", {}).get("waiting"):
        parts.append(str(ended["reason"]))
    return ", ".join(parts)


def _unready(status: Mapping[str, Any]) -> str:
    unready = [container.get("name") for container in status.get("containerStatuses", []) if not container.get("ready")]
    others = [str(name) for name in unready if name not in {None, CONTAINER}]
    if others and CONTAINER not in unready:
        return f"running, but the readiness probe of container {', '.join(others)} does not succeed"
    return UNREADY


def _scheduling(message: str) -> str:
    """The scheduler's message, with the nodes that are tainted for other pods at its end."""
    prefix, separator, reasons_text = message.partition(" nodes are available: ")
    reasons, _, _ = reasons_text.partition(". ")  # what follows is about preemption
    parts = sorted(reasons.rstrip(".").split(", "), key=lambda part: "untolerated taint" in part)
    return f"{prefix}{separator}{', '.join(parts)}" if separator else message


def _with_message(text: str, message: str | None) -> str:
    if not message:
        return text
    # With the name of its pod in the text, one cause of two pods would look like two causes.
    plain = re.sub(r"\bpod=\S+", "pod=...", " ".join(str(message).split()))
    return f"{text}: {plain[:LONGEST]}{'...' if len(plain) > LONGEST else ''}"
