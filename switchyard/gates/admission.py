"""Detects the pod templates that the cluster's admission has rewritten. An update does not change them.

A mutating webhook or policy changes what is applied, so that the cluster never holds what the stack has, and the two
always differ. Applied again, the stack's own template would replace pods for nothing once the webhook is gone. Each
Deployment and Rollout therefore carries a digest of the template that the stack had when it was applied last.
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
from switchyard.errors import ClusterError
from switchyard.gates.rules.admission import is_rewritten
from switchyard.kube.access import ClusterAccess
from switchyard.kube.blocking import run_blocking
from switchyard.kube.cluster import Cluster
from switchyard.kube.content import Content
from switchyard.manifests import argo_blue_green, blue_green, canary
from switchyard.manifests.pods import Manifest

Kept = Mapping[str, frozenset[Track]]
"""The tracks whose pod template stays as it is on the cluster, by service."""

Live = Mapping[tuple[str, str, str], Mapping[str, Any]]
"""Deployments and Rollouts on the cluster, by kind, namespace and name."""


def inspect_templates(
    services: Mapping[str, ServiceSettings], access: ClusterAccess, contents: Mapping[str, Content]
) -> Kept:
    """The tracks whose pod template admission has rewritten. Blocks, whether an event loop runs or not.

    Nothing is kept where the cluster does not answer, or does not permit to list its Deployments: the gates read the
    cluster again before anything is changed.

    Args:
        services: all services of the stack.
        access: the cluster.
        contents: versions of the ConfigMaps and Secrets that services refer to.
    """
    if not services or not access.exists:
        return {}
    try:
        return run_blocking(_inspect(services, access, contents))
    except ClusterError:
        return {}


async def _inspect(
    services: Mapping[str, ServiceSettings], access: ClusterAccess, contents: Mapping[str, Content]
) -> Kept:
    cluster = await Cluster.connect(access)
    namespaces = sorted({service.namespace for service in services.values()})
    rollouts = sorted({service.namespace for service in services.values() if isinstance(service, RolloutSettings)})
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
    live_object = live.get((manifest["kind"], metadata["namespace"], metadata["name"]))
    return live_object is not None and is_rewritten(manifest, live_object)
