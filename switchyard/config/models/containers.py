"""Containers of a pod: ports of the application's container, init containers and sidecars."""

from typing import Literal

from pydantic import Field

from switchyard.config.models.base import Bool, Model
from switchyard.config.models.environment import Environment
from switchyard.config.models.node_ports import NodePort
from switchyard.config.models.probes import HttpProbe, PortNumber, ReadinessProbe, StartupProbe
from switchyard.config.models.resources import SmallResources
from switchyard.config.models.volumes import Mount, MountPath
from switchyard.config.types.text import DnsLabel, LabelKey, PortName
from switchyard.config.types.values import ImageReference

PullPolicy = Literal["IfNotPresent", "Always", "Never"]

Words = tuple[str, ...]
"""A command or its arguments; ``$(NAME)`` in them is expanded by Kubernetes."""


class ContainerPort(Model):
    """A further port of the application's container."""

    container_port: PortNumber = Field(description="Port on which the container listens.", examples=[9090])
    service_port: PortNumber | None = Field(
        default=None,
        description="Port of the service's Services that routes to it. Without it the Services do not have the port.",
        examples=[9090],
    )
    node_port: NodePort | None = Field(
        default=None,
        description="Fixed port on the nodes, where the Service has such ports. Without it Kubernetes chooses one.",
        examples=[30090],
    )
    protocol: Literal["TCP", "UDP", "SCTP"] = Field(default="TCP", description="Protocol of the port.")
    app_protocol: LabelKey | None = Field(
        default=None,
        description="Protocol of the application on the port of the Services, for gateways and meshes.",
        examples=["kubernetes.io/h2c"],
    )


class SidecarPort(Model):
    """A port of a sidecar container."""

    container_port: PortNumber = Field(description="Port on which the container listens.", examples=[9090])
    protocol: Literal["TCP", "UDP", "SCTP"] = Field(default="TCP", description="Protocol of the port.")


class ExtraContainer(Environment):
    """A container beside the application's, with the same security settings."""

    name: DnsLabel = Field(description="Name of the container, unique in the pod.", examples=["proxy"])
    image: ImageReference = Field(
        description="Image with its tag, its digest or both.", examples=["ghcr.io/org/proxy:v1.2.3"]
    )
    image_pull_policy: PullPolicy = Field(default="IfNotPresent", description="When a node pulls the image.")
    command: Words = Field(
        default=(),
        description="Replaces the entrypoint of the image. `$(NAME)` in it is expanded by Kubernetes.",
        examples=[["/bin/proxy"]],
    )
    args: Words = Field(
        default=(),
        description="Replaces the arguments of the image. `$(NAME)` in it is expanded by Kubernetes.",
        examples=[["--port=9090"]],
    )
    working_dir: MountPath | None = Field(
        default=None, description="Replaces the working directory of the image.", examples=["/app"]
    )
    mounts: tuple[Mount, ...] = Field(
        default=(),
        description="Volumes of the service that the container mounts.",
        examples=[[{"volume": "config", "path": "/etc/proxy", "readOnly": True}]],
    )
    resources: SmallResources = Field(
        default=SmallResources.model_construct(), description="Requests and limits of the container."
    )


class InitContainer(ExtraContainer):
    """A container that must succeed before the application's container starts. Several run one after the other."""


class Sidecar(ExtraContainer):
    """A container that runs as long as the application's container."""

    native: Bool = Field(
        default=True,
        description=(
            "Whether it starts before the application and its init containers and ends after them, as a "
            "restartable init container (Kubernetes 1.29 and newer). With false it starts and ends together "
            "with the application."
        ),
    )
    ports: dict[PortName, SidecarPort] = Field(
        default={},
        description="Ports of the container, by their names.",
        examples=[{"metrics": {"containerPort": 9090}}],
    )
    liveness: HttpProbe | None = Field(
        default=None,
        description="Liveness probe, which restarts the container when it fails. Without it there is none.",
        examples=[{"path": "/health", "port": 9090}],
    )
    readiness: ReadinessProbe | None = Field(
        default=None,
        description=(
            "Readiness probe, which takes the whole pod out of the Service while it fails. Without it there is none."
        ),
        examples=[{"path": "/ready", "port": 9090}],
    )
    startup: StartupProbe | None = Field(
        default=None,
        description="Startup probe, which delays what follows until it succeeds. Without it there is none.",
        examples=[{"path": "/ready", "port": 9090}],
    )
