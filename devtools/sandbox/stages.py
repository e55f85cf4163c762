"""The configuration of kwok, which defines the behaviour of simulated kubelets."""

from typing import Any

from devtools.sandbox.faults import (
    CRASH_AFTER_MS,
    CRASH_AFTER_READY,
    CRASH_LOOP,
    NEVER_READY,
    NODE_FAULT_LABEL,
    NODE_NOT_READY,
    READY_AFTER_MS,
)

_STATUS = """\
{{{{ $now := Now }}}}
phase: {phase}
startTime: {{{{ or .status.startTime $now | Quote }}}}
conditions:
- {{type: PodScheduled, status: "True", lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: Initialized, status: "True", lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: ContainersReady, status: "{ready}", lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: Ready, status: "{ready}", lastTransitionTime: {{{{ $now | Quote }}}}}}
containerStatuses:
{{{{ range .spec.containers }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  ready: {is_ready}
  restartCount: {restarts}
  state: {state}
{{{{ end }}}}
{{{{ with NodeIPsWith .spec.nodeName }}}}
hostIP: {{{{ index . 0 | Quote }}}}
{{{{ end }}}}
{{{{ if not .status.podIP }}}}
{{{{ with PodIPsWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace }}}}
podIP: {{{{ index . 0 | Quote }}}}
podIPs:
{{{{ range . }}}}
- ip: {{{{ . | Quote }}}}
{{{{ end }}}}
{{{{ end }}}}
{{{{ end }}}}
"""

_RUNNING = "{running: {startedAt: {{ $now | Quote }}}}"
# The running state is removed explicitly, because the status is patched and a container has only one state.
_BACK_OFF = (
    "{running: null, waiting: {reason: CrashLoopBackOff, "
    'message: "back-off 10s restarting failed container (simulated)"}}'
)


def _status(*, ready: bool, restarts: int, state: str, phase: str = "Running") -> str:
    return _STATUS.format(ready=str(ready), is_ready=str(ready).lower(), restarts=restarts, state=state, phase=phase)


def _ended(phase: str, code: int) -> str:
    state = (
        f"{{terminated: {{exitCode: {code}, reason: simulated, startedAt: {{{{ $now | Quote }}}}, "
        "finishedAt: {{ $now | Quote }}}}"
    )
    return _status(ready=False, restarts=0, state=state, phase=phase)


READY = _status(ready=True, restarts=0, state=_RUNNING)
NOT_READY = _status(ready=False, restarts=0, state=_RUNNING)
SUCCEEDED = _ended("Succeeded", 0)
FAILED = _ended("Failed", 1)
CRASHED = _status(ready=False, restarts=3, state=_BACK_OFF)

_NODE_STATUS = """\
{{{{ $now := Now }}}}
phase: Running
conditions:
- type: Ready
  status: "{ready}"
  reason: {reason}
  message: reported by a simulated kubelet
  lastHeartbeatTime: {{{{ $now | Quote }}}}
  lastTransitionTime: {{{{ $now | Quote }}}}
{{{{ range tuple "MemoryPressure" "DiskPressure" "PIDPressure" "NetworkUnavailable" }}}}
- type: {{{{ . }}}}
  status: "False"
  reason: Simulated
  lastHeartbeatTime: {{{{ $now | Quote }}}}
  lastTransitionTime: {{{{ $now | Quote }}}}
{{{{ end }}}}
nodeInfo:
  architecture: amd64
  bootID: ""
  containerRuntimeVersion: simulated
  kernelVersion: simulated
  kubeProxyVersion: simulated
  kubeletVersion: simulated
  machineID: ""
  operatingSystem: linux
  osImage: simulated
  systemUUID: ""
"""

NODE_UP = _NODE_STATUS.format(ready=True, reason="KubeletReady")
NODE_DOWN = _NODE_STATUS.format(ready=False, reason="KubeletNotReady")

_ALIVE = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
PENDING = {"key": ".status.phase", "operator": "In", "values": ["Pending"]}
"""Matches a pod whose phase is Pending."""

_OF_JOB = {"key": '.metadata.labels["batch.kubernetes.io/job-name"]', "operator": "Exists"}
_OF_NO_JOB = _OF_JOB | {"operator": "DoesNotExist"}

_IS_READY = {
    "key": '.status.conditions.[] | select( .type == "Ready" ) | .status',
    "operator": "In",
    "values": ["True"],
}


def _tag_ends(*suffixes: str, otherwise: bool = False) -> dict[str, Any]:
    """Matches pods by the tag of their first container."""
    pattern = "|".join(suffixes)
    return {
        "key": f'.spec.containers[0].image | test("({pattern})$") | tostring',
        "operator": "In",
        "values": ["false" if otherwise else "true"],
    }


def _stage(
    name: str, when: list[dict[str, Any]], then: dict[str, Any], after_ms: int = 0, kind: str = "Pod"
) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": when},
            "delay": {"durationMilliseconds": after_ms},
            "next": then,
        },
    }


def stages() -> list[dict[str, Any]]:
    """The stages of simulated nodes and pods, with and without faults."""
    broken = {"key": f'.metadata.labels["{NODE_FAULT_LABEL}"]', "values": [NODE_NOT_READY]}
    return [
        _stage(
            "node-ready",
            [broken | {"operator": "NotIn"}, _IS_READY | {"operator": "NotIn"}],
            {"statusTemplate": NODE_UP},
            kind="Node",
        ),
        _stage(
            "node-not-ready",
            [broken | {"operator": "In"}, _IS_READY],
            {"statusTemplate": NODE_DOWN},
            kind="Node",
        ),
        _stage(
            "pod-ready",
            [_ALIVE, PENDING, _OF_NO_JOB, _tag_ends(NEVER_READY, CRASH_LOOP, otherwise=True)],
            {"statusTemplate": READY},
            READY_AFTER_MS,
        ),
        _stage(
            "job-succeeds",
            [_ALIVE, PENDING, _OF_JOB, _tag_ends(NEVER_READY, CRASH_LOOP, otherwise=True)],
            {"statusTemplate": SUCCEEDED},
            READY_AFTER_MS,
        ),
        _stage("job-fails", [_ALIVE, PENDING, _OF_JOB, _tag_ends(CRASH_LOOP)], {"statusTemplate": FAILED}),
        _stage("pod-never-ready", [_ALIVE, PENDING, _tag_ends(NEVER_READY)], {"statusTemplate": NOT_READY}),
        _stage("pod-crash-loop", [_ALIVE, PENDING, _OF_NO_JOB, _tag_ends(CRASH_LOOP)], {"statusTemplate": CRASHED}),
        _stage(
            "pod-crash-after-ready",
            [_ALIVE, _IS_READY, _tag_ends(CRASH_AFTER_READY)],
            {"statusTemplate": CRASHED},
            CRASH_AFTER_MS,
        ),
        _stage(
            "pod-delete",
            [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}],
            {"delete": True},
        ),
    ]
