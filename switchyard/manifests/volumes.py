"""The volumes of a pod, and where its containers mount them."""

from collections.abc import Iterable, Mapping
from typing import Any

from switchyard.config.models.volumes import Csi, Ephemeral, Mount, ProjectedSource, Projection, Source, Token, Volume
from switchyard.manifests.manifest import Manifest

TMP = "tmp"
"""Name of the volume for temporary files, which a read-only root file system makes necessary."""


def pod_volumes(volumes: Mapping[str, Volume]) -> list[Manifest]:
    """The volumes of a pod, the one for temporary files first."""
    return [{"name": TMP, "emptyDir": {}}, *({"name": name, **_volume(volume)} for name, volume in volumes.items())]


def volume_mounts(mounts: Iterable[Mount]) -> list[Manifest]:
    """The volume mounts of a container; that for temporary files is first unless it is mounted elsewhere."""
    configured = list(mounts)
    temporary = [] if any(mount.place == "/tmp" for mount in configured) else [{"name": TMP, "mountPath": "/tmp"}]  # noqa: S108
    return [*temporary, *map(_mount, configured)]


def _mount(mount: Mount) -> Manifest:
    rendered: dict[str, Any] = {"name": mount.volume, "mountPath": mount.path}
    if mount.sub_path is not None:
        rendered["subPath"] = mount.sub_path
    if mount.read_only:
        rendered["readOnly"] = True
    return rendered


def _volume(volume: Volume) -> Manifest:
    if volume.config_map is not None:
        return {"configMap": {"name": volume.config_map.name, **_files(volume.config_map)}}
    if volume.secret is not None:
        # Kubernetes names it otherwise here than everywhere else.
        return {"secret": {"secretName": volume.secret.name, **_files(volume.secret)}}
    if volume.persistent_volume_claim is not None:
        claim: dict[str, Any] = {"claimName": volume.persistent_volume_claim.name}
        return {
            "persistentVolumeClaim": claim | ({"readOnly": True} if volume.persistent_volume_claim.read_only else {})
        }
    if volume.ephemeral is not None:
        return {"ephemeral": {"volumeClaimTemplate": {"spec": _claim(volume.ephemeral)}}}
    if volume.csi is not None:
        return {"csi": _csi(volume.csi)}
    if volume.projected is not None:
        return {"projected": {"sources": [_projection(source) for source in volume.projected]}}
    empty: dict[str, Any] = {}
    if volume.empty_dir is not None and volume.empty_dir.medium is not None:
        empty["medium"] = volume.empty_dir.medium
    if volume.empty_dir is not None and volume.empty_dir.size_limit is not None:
        empty["sizeLimit"] = volume.empty_dir.size_limit
    return {"emptyDir": empty}


def _claim(settings: Ephemeral) -> Manifest:
    spec: dict[str, Any] = {
        "accessModes": [settings.access_mode],
        "resources": {"requests": {"storage": settings.size}},
    }
    if settings.storage_class is not None:
        spec["storageClassName"] = settings.storage_class
    return spec


def _csi(settings: Csi) -> Manifest:
    optional = {
        "fsType": settings.fs_type,
        "volumeAttributes": dict(settings.attributes),
        "nodePublishSecretRef": {"name": settings.secret} if settings.secret is not None else None,
    }
    present = {key: value for key, value in optional.items() if value}
    return {"driver": settings.driver, "readOnly": settings.read_only, **present}


def _projection(projection: Projection) -> Manifest:
    if projection.config_map is not None:
        return {"configMap": {"name": projection.config_map.name, **_files(projection.config_map)}}
    if projection.secret is not None:
        return {"secret": {"name": projection.secret.name, **_files(projection.secret)}}
    token = projection.token or Token(path="token")
    rendered: dict[str, Any] = {"path": token.path, "expirationSeconds": token.expiration_seconds}
    if token.audience is not None:
        rendered["audience"] = token.audience
    return {"serviceAccountToken": rendered}


def _files(source: ProjectedSource) -> Manifest:
    rendered: dict[str, Any] = {}
    if source.items:
        rendered["items"] = [{"key": key, "path": path} for key, path in source.items.items()]
    if source.optional:
        rendered["optional"] = True
    if isinstance(source, Source) and source.default_mode is not None:
        rendered["defaultMode"] = source.default_mode
    return rendered
