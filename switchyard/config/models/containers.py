"""Containers of a pod: what the application's has, and those that stand beside it."""

from typing import Literal

from switchyard.config.models.base import Bool, Model
from switchyard.config.models.environment import Environment
from switchyard.config.models.node_ports import NodePort
from switchyard.config.models.probes import HttpProbe, PortNumber, ReadinessProbe, StartupProbe
from switchyard.config.models.resources import SmallResources
from switchyard.config.models.volumes import Mount, MountPath
from switchyard.config.types.text import DnsLabel, PortName
from switchyard.config.types.values import ImageReference

PullPolicy = Literal["IfNotPresent", "Always", "Never"]

Words = tuple[str, ...]
"""A command or its arguments; ``$(NAME)`` in them is expanded by Kubernetes."""


class ContainerPort(Model):
    """A further port of a container.

    Attributes:
        container_port: on which the container listens.
        service_port: under which the service's Services have it; None leaves it out of them.
        node_port: fixed port on the nodes, where the Service has such ports; None lets Kubernetes choose.
        protocol: TCP, UDP or SCTP.
    """

    container_port: PortNumber
    service_port: PortNumber | None = None
    node_port: NodePort | None = None
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class SidecarPort(Model):
    """A port of a container beside the application.

    Attributes:
        container_port: on which the container listens.
        protocol: TCP, UDP or SCTP.
    """

    container_port: PortNumber
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class ExtraContainer(Environment):
    """A container beside the application's, with the same security settings.

    Attributes:
        name: of the container; unique in the pod.
        image: with its tag or digest.
        image_pull_policy: when the node pulls it.
        command: replaces the image's entrypoint.
        args: replaces the image's arguments.
        working_dir: replaces the image's.
        mounts: of the service's volumes.
        resources: what it asks for and may use.
    """

    name: DnsLabel
    image: ImageReference
    image_pull_policy: PullPolicy = "IfNotPresent"
    command: Words = ()
    args: Words = ()
    working_dir: MountPath | None = None
    mounts: tuple[Mount, ...] = ()
    resources: SmallResources = SmallResources()


class InitContainer(ExtraContainer):
    """A container that must end well before the application's starts; several run one after the other."""


class Sidecar(ExtraContainer):
    """A container that runs as long as the application's.

    Attributes:
        native: starts before the application and the init containers and ends after them, as a restartable init
            container (Kubernetes 1.29 and newer). Otherwise it starts and ends at the same time.
        ports: by their names.
        liveness: restarts it; None is no probe.
        readiness: keeps the whole pod out of the Service while it fails; None is no probe.
        startup: holds back what follows until it succeeds; None is no probe.
    """

    native: Bool = True
    ports: dict[PortName, SidecarPort] = {}
    liveness: HttpProbe | None = None
    readiness: ReadinessProbe | None = None
    startup: StartupProbe | None = None
