"""Computes the versions of ConfigMaps and Secrets that a pod template names: pure functions.

A pod reads them when it starts: a change of one changes the pods that start from then on, and nothing in their template
says so. The template names their versions in an annotation. So a change is a new version of the colour that is warmed
next, which the gate checks, and the colour that serves stays as it is.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.pod_settings import CONTAINER
from switchyard.config.models.service_name import key_of
from switchyard.config.references import Reference
from switchyard.manifests.labels import CONTENT_HASH

DIGITS = 16
"""Hexadecimal digits of a version: 64 bits, so that two versions are not equal by chance."""

ABSENT = "absent"
"""Version of an optional object that does not exist."""

_NAMING = {
    "configMap": "configmap",
    "configMapRef": "configmap",
    "configMapKeyRef": "configmap",
    "secret": "secret",
    "secretRef": "secret",
    "secretKeyRef": "secret",
}
"""Kind of the object that a field of a pod template names, by the name of the field."""

Versions = Mapping[str, str]
"""Versions of objects, by the keys of their references."""


@dataclass(frozen=True)
class LiveTemplate:
    """The pod template of a Deployment or Rollout on the cluster.

    Attributes:
        image: image of the application.
        replicas: number of pods that it asks for.
        versions: versions of ConfigMaps and Secrets, as its annotation has them.
        named: keys of the objects that the template names.
    """

    image: str
    replicas: int
    versions: Versions
    named: frozenset[str]


def version_of(reference: Reference, observed: Mapping[str, Any] | None) -> str | None:
    """The version of an object; None for a required object that does not exist.

    For a Secret it is derived from ``uid`` and ``resourceVersion``, and never from values: more people may read an
    annotation than the Secret, and a hash of a short password is found by trying.

    Args:
        reference: reference to the object.
        observed: the object, or the metadata of a Secret; None when it does not exist.
    """
    if observed is None:
        return ABSENT if reference.optional else None
    if reference.kind == "Secret":
        content: Any = [observed["metadata"]["uid"], observed["metadata"]["resourceVersion"]]
    else:
        content = [
            {key: value for key, value in (observed.get(part) or {}).items() if _is_read(reference, key)}
            for part in ("data", "binaryData")
        ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:DIGITS]


def live_template(workload: Mapping[str, Any] | None) -> LiveTemplate | None:
    """The pod template of a Deployment or Rollout; None without one."""
    if workload is None:
        return None
    template = workload["spec"]["template"]
    annotation = (template.get("metadata", {}).get("annotations") or {}).get(CONTENT_HASH, "")
    containers = template["spec"]["containers"]
    return LiveTemplate(
        image=next((container["image"] for container in containers if container["name"] == CONTAINER), ""),
        replicas=workload["spec"].get("replicas", 1),
        versions=dict(pair.split("=", 1) for pair in annotation.split(",") if "=" in pair),
        named=frozenset(_named(template["spec"])),
    )


@dataclass(frozen=True)
class Wanted:
    """The pods of one track as the configuration has them.

    Attributes:
        references: the objects that the pods read, by their keys.
        image: image of the application.
        replicas: configured number of pods.
        active: whether the track should get the traffic.
        untracked: keys of the objects that the pods read, and whose change is no new version.
    """

    references: Mapping[str, Reference]
    image: str
    replicas: int
    active: bool
    untracked: frozenset[str] = frozenset()


def colour_versions(
    wanted: Wanted, current: Versions, own: LiveTemplate | None, serving: Iterable[LiveTemplate], *, serves: bool
) -> dict[str, str]:
    """The versions that the template of a colour names.

    The version of an untracked object stays until new pods start anyway: without it, the template would change.

    Args:
        wanted: the colour as the configuration has it.
        current: present versions of the objects, without missing ones.
        own: the colour's template on the cluster; None without one.
        serving: templates of the tracks that serve.
        serves: whether this colour takes traffic now.
    """
    serving = tuple(serving)
    versions = {}
    for key in (*wanted.references, *wanted.untracked):
        current_version = current.get(key)
        previous_version = None if own is None else own.versions.get(key)
        if own is None or key not in own.named or (key in wanted.untracked and not serves and _starts(wanted, own)):
            version = current_version  # the template changes with the reference
        elif serves or current_version is None:
            version = previous_version
        elif _starts(wanted, own):
            version = current_version  # these pods start from now on
        elif wanted.active:
            # It was warmed and checked, and a switch does not change the pods that it goes to.
            version = previous_version or current_version
        elif any(template.versions.get(key) == current_version for template in serving):
            # Nothing has changed since what serves was warmed: this colour is kept for a rollback.
            version = previous_version
        else:
            version = current_version
        if version is not None:
            versions[key] = version
    return versions


def rollout_versions(wanted: Wanted, current: Versions, own: LiveTemplate | None) -> dict[str, str]:
    """The versions that the template of a Rollout names: the current ones, so that a change is a new version.

    The version of an untracked object stays until another image is a new version anyway.
    """
    previous = {} if own is None else own.versions
    kept = wanted.untracked if own is not None and own.image == wanted.image else ()
    versions = {key: current.get(key) or previous.get(key) for key in (*wanted.references, *kept)}
    return {key: version for key, version in versions.items() if version is not None}


def annotation(versions: Versions) -> str | None:
    """The text of the annotation of a pod template with these versions."""
    return ",".join(f"{key}={version}" for key, version in sorted(versions.items())) or None


def missing_object(name: str, namespace: str, reference: Reference) -> str:
    """Warns of an object that pods need and that does not exist."""
    return (
        f"{key_of(name)}: {reference.kind} {reference.name} is not in namespace {namespace} ({Code.CONTENT_MISSING}). "
        "Pods that start now wait for it; pods that run are left as they are. Create it, or permit that it is missing: "
        "optional: true."
    )


def older_content(name: str, track: str, keys: Iterable[str]) -> str:
    """Warns that a switch goes to pods that started before an object changed."""
    return (
        f"{key_of(name)}: {track} was warmed before {', '.join(keys)} changed ({Code.OLDER_CONTENT}). The switch goes "
        "to these pods. For pods with the new content, set its replicas to 0, "
        f"`{typed('pulumi up')}`, and warm it again."
    )


def _starts(wanted: Wanted, own: LiveTemplate) -> bool:
    """Whether new pods of a colour start with this update, whatever objects have changed."""
    return own.image != wanted.image or (own.replicas == 0 and wanted.replicas > 0)


def _is_read(reference: Reference, key: str) -> bool:
    return reference.keys is None or key in reference.keys


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    if isinstance(value, dict):
        for field, below in value.items():
            if field in _NAMING and isinstance(below, dict):
                yield f"{_NAMING[field]}/{below.get('secretName') or below.get('name')}"
            yield from _named(below)
