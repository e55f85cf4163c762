"""The containers of a pod: the application's, and those beside it."""

from typing import Any

from switchyard.config.models.containers import ExtraContainer, Sidecar
from switchyard.config.models.pod import Security
from switchyard.config.models.pod_settings import CONTAINER, PORT
from switchyard.config.models.probes import HttpProbe
from switchyard.config.models.resources import Resources
from switchyard.config.models.service import ColourSettings, ServiceSettings, Track
from switchyard.config.types.values import image_reference
from switchyard.manifests.environment import sources, variables, whole_objects
from switchyard.manifests.manifest import Manifest
from switchyard.manifests.probes import probe
from switchyard.manifests.volumes import volume_mounts


def app_container(track: Track, service: ServiceSettings, tag: str | None, own: ColourSettings) -> Manifest:
    """The container of the application.

    Args:
        track: the track of the pods.
        service: settings of the service.
        tag: tag of the image.
        own: settings of the track alone.
    """
    environment = sources(service) | sources(own) | {"VERSION": {"value": track.value}}
    further = [
        {"name": name, "containerPort": port.container_port, "protocol": port.protocol}
        for name, port in service.ports.items()
    ]
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": image_reference(service.image, tag),
        "imagePullPolicy": service.image_pull_policy,
        **_process(service),
        "ports": [{"name": PORT, "containerPort": service.port, "protocol": "TCP"}, *further],
        "env": variables(environment),
    }
    if env_from := whole_objects((*service.env_from, *own.env_from)):
        container["envFrom"] = env_from
    container |= {
        "resources": resources(service.resources),
        **_probes(service.liveness, service.readiness, service.startup, PORT),
        "lifecycle": _lifecycle(service),
        "securityContext": container_security(service.security),
        "volumeMounts": volume_mounts(service.mounts),
    }
    if service.termination_message_policy is not None:
        container["terminationMessagePolicy"] = service.termination_message_policy
    if service.termination_message_path is not None:
        container["terminationMessagePath"] = service.termination_message_path
    return container


def restartable_containers(service: ServiceSettings) -> list[Manifest]:
    """Containers that start before the application: native sidecars, which keep running, then the init containers."""
    native = [_extra(sidecar, service) | {"restartPolicy": "Always"} for sidecar in service.sidecars if sidecar.native]
    return [*native, *(_extra(container, service) for container in service.init_containers)]


def companions(service: ServiceSettings) -> list[Manifest]:
    """Sidecars that start and end with the application."""
    # Ended at the same time as it: without its wait a proxy would be gone while requests still come.
    wait = {"lifecycle": _lifecycle(service)}
    return [_extra(sidecar, service) | wait for sidecar in service.sidecars if not sidecar.native]


def resources(settings: Resources) -> Manifest:
    """The requests and limits of a container."""
    extended = {name: str(count) for name, count in settings.extended.items()}
    rendered = {}
    for key, amounts in (("requests", settings.requests), ("limits", settings.limits)):
        quantities = {"cpu": amounts.cpu, "memory": amounts.memory, "ephemeral-storage": amounts.ephemeral_storage}
        rendered[key] = {name: value for name, value in quantities.items() if value is not None} | extended
    return rendered


def container_security(security: Security) -> Manifest:
    """The security context that the restricted pod security level requires of every container."""
    added = {"add": ["NET_BIND_SERVICE"]} if security.net_bind_service else {}
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], **added},
        "readOnlyRootFilesystem": security.read_only_root_filesystem,
    }


def _extra(settings: ExtraContainer, service: ServiceSettings) -> Manifest:
    container: dict[str, Any] = {
        "name": settings.name,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        **_process(settings),
    }
    if isinstance(settings, Sidecar) and settings.ports:
        container["ports"] = [
            {"name": name, "containerPort": port.container_port, "protocol": port.protocol}
            for name, port in settings.ports.items()
        ]
    if environment := variables(sources(settings)):
        container["env"] = environment
    if env_from := whole_objects(settings.env_from):
        container["envFrom"] = env_from
    container["resources"] = resources(settings.resources)
    if isinstance(settings, Sidecar):
        first = next((port.container_port for port in settings.ports.values()), None)
        container |= _probes(settings.liveness, settings.readiness, settings.startup, first)
    return container | {
        "securityContext": container_security(service.security),
        "volumeMounts": volume_mounts(settings.mounts),
    }


def _process(settings: ServiceSettings | ExtraContainer) -> Manifest:
    process: dict[str, Any] = {}
    if settings.command:
        process["command"] = list(settings.command)
    if settings.args:
        process["args"] = list(settings.args)
    if settings.working_dir is not None:
        process["workingDir"] = settings.working_dir
    return process


def _probes(
    liveness: HttpProbe | None, readiness: HttpProbe | None, startup: HttpProbe | None, port: str | int | None
) -> Manifest:
    probes = {"livenessProbe": liveness, "readinessProbe": readiness, "startupProbe": startup}
    return {key: probe(settings, port) for key, settings in probes.items() if settings is not None}


def _lifecycle(service: ServiceSettings) -> Manifest:
    # The kubelet's own sleep needs no shell in the image. While it lasts the pod continues to answer,
    # so that every node learns that the endpoint is gone before the process gets SIGTERM.
    return {"preStop": {"sleep": {"seconds": service.drain.pre_stop_seconds}}}
