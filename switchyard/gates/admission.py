"""Pod templates that the cluster's admission has rewritten: which are left as they are, and how that is known.

A mutating webhook or policy changes what is applied, so that the cluster never holds what the stack has. Compared with
each other the two differ for ever; applied again, the stack's own words would replace pods for nothing once the webhook
is gone. Each Deployment and Rollout therefore carries a digest of the template that the stack had when it was applied
last.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from switchyard.config.models.service import (
    ArgoBlueGreenSettings,
    BlueGreenSettings,
    CanarySettings,
    Colour,
    RolloutSettings,
    ServiceSettings,
    Track,
)
from switchyard.config.models.service_name import key_of
from switchyard.config.types.quantity import parse_quantity
from switchyard.errors import ClusterError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.blocking import run_blocking
from switchyard.kube.cluster import Cluster
from switchyard.kube.content import Content
from switchyard.kube.differences import ABSENT, Difference, differences, listed, managers
from switchyard.manifests import argo_blue_green, blue_green, canary
from switchyard.manifests.labels import CONFIGURED_PODS, FIELD_MANAGER
from switchyard.manifests.pods import Manifest

Kept = Mapping[str, frozenset[Track]]
"""By service, the tracks whose pod template stays as it is on the cluster."""

ADDED = ("spec.containers[", "spec.initContainers[", "spec.volumes[")
"""What admission adds and an API server's own defaults do not."""

Live = Mapping[tuple[str, str, str], Mapping[str, Any]]
"""Deployments and Rollouts on the cluster, by kind, namespace and name."""


def look_at_templates(
    services: Mapping[str, ServiceSettings], access: ClusterAccess, contents: Mapping[str, Content]
) -> Kept:
    """The tracks whose template admission has rewritten. Blocks, whether an event loop runs or not.

    Nothing is kept where the cluster does not answer, or does not let its Deployments be listed: the gates look again
    before anything is changed.

    Args:
        services: all of the stack.
        access: the cluster.
        contents: versions of the ConfigMaps and Secrets of those that refer to some.
    """
    if not services or not access.exists:
        return {}
    try:
        return run_blocking(_look(services, access, contents))
    except ClusterError:
        return {}


async def _look(
    services: Mapping[str, ServiceSettings], access: ClusterAccess, contents: Mapping[str, Content]
) -> Kept:
    cluster = await Cluster.connect(access)
    namespaces = sorted({service.namespace for service in services.values()})
    rollouts = sorted({one.namespace for one in services.values() if isinstance(one, RolloutSettings)})
    listed = await asyncio.gather(
        *(cluster.own_deployments(namespace) for namespace in namespaces),
        *(cluster.own_rollouts(namespace) for namespace in rollouts),
    )
    live = {
        (kind, item["metadata"]["namespace"], item["metadata"]["name"]): item
        for kind, items in zip(["Deployment"] * len(namespaces) + ["Rollout"] * len(rollouts), listed, strict=True)
        for item in items
    }
    return {
        key: frozenset(
            track
            for track, manifest in _manifests(service.kubernetes_name(key), service, contents.get(key, Content()))
            if _is_kept(manifest, live)
        )
        for key, service in services.items()
    }


def _manifests(name: str, service: ServiceSettings, content: Content) -> list[tuple[Track, Manifest]]:
    versions = content.annotations
    if isinstance(service, BlueGreenSettings):
        return [
            (Track(colour), blue_green.deployment(name, colour, service, versions.get(Track(colour))))
            for colour in Colour
        ]
    if isinstance(service, CanarySettings):
        return [(Track.ROLLOUT, canary.rollout(name, service, versions.get(Track.ROLLOUT)))]
    if isinstance(service, ArgoBlueGreenSettings):
        return [(Track.ROLLOUT, argo_blue_green.rollout(name, service, versions.get(Track.ROLLOUT)))]
    raise TypeError(f"no manifest for {type(service).__name__}")


def _is_kept(manifest: Manifest, live: Live) -> bool:
    metadata = manifest["metadata"]
    found = live.get((manifest["kind"], metadata["namespace"], metadata["name"]))
    return found is not None and is_rewritten(manifest, found)


def is_rewritten(manifest: Manifest, live: Mapping[str, Any]) -> bool:
    """Whether the template of a Deployment or Rollout differs from the stack's only by what admission made of it.

    So it is when the stack has not changed since its last apply, and nobody else has set a field that differs.

    Args:
        manifest: as the stack has it.
        live: as the cluster has it.
    """
    digest = manifest["metadata"]["annotations"][CONFIGURED_PODS]
    if live["metadata"].get("annotations", {}).get(CONFIGURED_PODS) != digest:
        return False
    found = rewritten_fields(manifest["spec"]["template"], live["spec"]["template"])
    return bool(found) and all(managers(live, one.keys) == {FIELD_MANAGER} for one in found)


def rewritten_fields(configured: Mapping[str, Any], live: Mapping[str, Any]) -> list[Difference]:
    """Fields of the stack's template that have another value on the cluster.

    What the cluster has besides, such as defaults and sidecars, is nobody's to compare.
    """
    return [one for one in differences(configured, live) if one.before is not ABSENT and not _equal(one)]


def _equal(difference: Difference) -> bool:
    """Whether two values are one to the API server: it leaves out what is empty and writes quantities its own way."""
    if difference.after is ABSENT:
        return not difference.before
    if ".resources." not in difference.path:
        return False
    try:
        return parse_quantity(str(difference.before)) == parse_quantity(str(difference.after))
    except ValueError:
        return False


def admitted(name: str, track: Track, configured: Mapping[str, Any], live: Mapping[str, Any]) -> str | None:
    """Names what the cluster's admission has made of a template that was applied a moment ago; None if nothing."""
    added = [
        one
        for one in differences(configured, live)
        if one.before is ABSENT and one.path.startswith(ADDED) and isinstance(one.after, Mapping)
    ]
    found = [*rewritten_fields(configured, live), *added]
    if not found:
        return None
    return f"{key_of(name)}: the cluster's admission has changed the pods of {track}: {listed(found)}"
