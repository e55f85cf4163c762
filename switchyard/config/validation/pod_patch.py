"""Refuses patches of fields on which the gates rely, or which another key of the service sets."""

from collections.abc import Iterator, Mapping
from typing import Any

from switchyard.config.commands import below, remove_command, set_value
from switchyard.config.errors import HIDDEN, Problem, shown
from switchyard.config.models.pod import RESERVED_LABELS, RESERVED_PREFIX
from switchyard.config.models.pod_settings import CONTAINER
from switchyard.config.models.service import ServiceSettings
from switchyard.config.pod_schema import DIRECTIVE, POD_TEMPLATE, violations
from switchyard.config.types.values import RESERVED_ENV

_OTHER_KEY = "the settings have a key for it, which the other rules check"
_METADATA = frozenset({"labels", "annotations"})

_SPEC: Mapping[str, str] = {
    "activeDeadlineSeconds": "it ends pods that serve",
    "automountServiceAccountToken": f"{_OTHER_KEY}: serviceAccount.automountToken",
    "ephemeralContainers": "a pod template cannot have any",
    "hostIPC": "pods of a service do not share the node's processes and network",
    "hostNetwork": "pods of a service do not share the node's processes and network",
    "hostPID": "pods of a service do not share the node's processes and network",
    "nodeName": "it takes the choice of a node from the scheduler, and a drain could not move the pods",
    "nodeSelector": f"{_OTHER_KEY}: nodeSelector",
    "restartPolicy": "the pods of a Deployment or Rollout are always restarted",
    "serviceAccount": f"{_OTHER_KEY}: serviceAccount.name",
    "serviceAccountName": f"{_OTHER_KEY}: serviceAccount.name",
    "terminationGracePeriodSeconds": f"{_OTHER_KEY}: drain.terminationGracePeriodSeconds",
    "tolerations": f"{_OTHER_KEY}: tolerations",
}
"""Fields of a pod's spec that stay as they are, and why."""

_CONTAINER: Mapping[str, str] = {
    DIRECTIVE: "the application's container stays",
    "image": "it is the version, and belongs to the tag",
    "lifecycle": (
        "pods continue to answer until every node has removed them (drain.preStopSeconds); only postStart may be set"
    ),
    "ports": f"{_OTHER_KEY}: port and ports",
    "readinessProbe": "a version gets traffic when it succeeds; its key is readiness",
    "resources": f"{_OTHER_KEY}: resources",
    "restartPolicy": "the application is no init container",
}
"""Fields of the application's container that stay as they are, and why."""


def patch_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    """The errors in the patch of a service's pods.

    Args:
        path: path of the service in the configuration.
        service: settings of the service.
    """
    patch = service.pod_patch
    violated = [
        Problem(_path(path, at), HIDDEN, rule, f"Write it as Kubernetes does. {remove_command(_owner(path, at, rule))}")
        for at, rule in violations(patch, POD_TEMPLATE, patch=True)
    ]
    yield from violated
    if violated:
        return  # the rest reads it as Kubernetes would
    for at, value, rule in _broken(patch):
        own = _path(path, at)
        yield Problem(own, value, rule, remove_command(own))
    yield from _new_container_problems(path, service)


def _path(path: str, at: str) -> str:
    """The path of a place in the patch, in the configuration."""
    return f"{path}.podPatch{'' if at.startswith('[') or not at else '.'}{at}"


def _owner(path: str, at: str, rule: str) -> str:
    """The path of what is wrong; of a key that is missing, of the mapping that should have it."""
    return _path(path, at.rpartition(".")[0] if rule.startswith("is missing") else at)


def _new_container_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    """A new container needs an image. Without one, its name probably belongs to another list."""
    native = {sidecar.name for sidecar in service.sidecars if sidecar.native}
    known = {
        "containers": {CONTAINER, *(sidecar.name for sidecar in service.sidecars if not sidecar.native)},
        "initContainers": native | {container.name for container in service.init_containers},
    }
    for key, names in known.items():
        for index, container in enumerate((service.pod_patch.get("spec") or {}).get(key) or ()):
            if container["name"] not in names and not container.get("image") and DIRECTIVE not in container:
                rule = (
                    f"is none of the pod's {key} ({', '.join(sorted(names)) or 'none'}), and a new one needs an image"
                )
                at = f"{path}.podPatch.spec.{key}.{index}"
                remedy = (
                    "A native sidecar is one of the initContainers. Correct the name, or give it an image, for "
                    f"example: {set_value(f'{at}.image', 'ghcr.io/org/proxy:v1.0.0')}"
                )
                yield Problem(f"{at}.name", shown(container["name"]), rule, remedy)


def _broken(patch: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Path, value and rule of each field that the patch must not change."""
    for part in patch:
        if patch[part] is None:
            yield part, "null", "a patch changes the pod template, and must not remove a part that pods need"
    yield from _of_metadata(patch.get("metadata") or {})
    spec = patch.get("spec") or {}
    for key in spec.keys() & _SPEC.keys():
        yield f"spec.{key}", shown(spec[key]), _SPEC[key]
    for key in ("containers", "volumes", "securityContext", "topologySpreadConstraints"):
        if key in spec and spec[key] is None:
            yield f"spec.{key}", "null", "pods need it"
    for index, container in enumerate(spec.get("containers") or ()):
        if container["name"] == CONTAINER:
            yield from _of_application(container, f"spec.containers.{index}")
    for index, container in enumerate(spec.get("initContainers") or ()):
        if container["name"] == CONTAINER:
            yield f"spec.initContainers.{index}.name", shown(CONTAINER), "is the name of the application's container"


def _of_metadata(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key in metadata.keys() - _METADATA:
        yield (
            below("metadata", key),
            shown(metadata[key]),
            "of the metadata of pods, only labels and annotations are free",
        )
    for kind in _METADATA:
        if kind in metadata and metadata[kind] is None:
            yield f"metadata.{kind}", "null", "pods are found by them"
        for key in metadata.get(kind) or {}:
            if key in RESERVED_LABELS or key.startswith(RESERVED_PREFIX):
                rule = "is reserved: Services, Deployments and the program find pods by it"
                yield below("metadata", kind, key), shown(metadata[kind][key]), rule


def _of_application(container: Mapping[str, Any], at: str) -> Iterator[tuple[str, str, str]]:
    for key in container.keys() & _CONTAINER.keys():
        if key != "lifecycle" or (container[key] or {"preStop": None}).keys() - {"postStart"}:
            yield f"{at}.{key}", shown(container[key]), _CONTAINER[key]
    for key in ("env", "volumeMounts", "securityContext"):
        if key in container and container[key] is None:
            yield f"{at}.{key}", "null", "the container needs it"
    for index, variable in enumerate(container.get("env") or ()):
        if variable["name"] == RESERVED_ENV:
            yield f"{at}.env.{index}", HIDDEN, f"{RESERVED_ENV} is set to the colour"
