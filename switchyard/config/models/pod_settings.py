"""What the settings of a service say of its pods, whatever brings its versions to the users."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from switchyard.config.models.base import Int, Model, Seconds
from switchyard.config.models.containers import ContainerPort, InitContainer, PullPolicy, Sidecar, Words
from switchyard.config.models.environment import Environment
from switchyard.config.models.nodes import WORKLOAD, Toleration
from switchyard.config.models.pod import (
    Affinity,
    DnsConfig,
    FreeAnnotationKey,
    HostAlias,
    Labels,
    Security,
    ServiceAccountSettings,
    Spread,
)
from switchyard.config.models.probes import HttpProbe, PortNumber, ReadinessProbe, StartupProbe
from switchyard.config.models.resources import Resources
from switchyard.config.models.volumes import Mount, MountPath, Volume
from switchyard.config.types.text import DnsLabel, LabelKey, LabelValue, PortName, Subdomain

CONTAINER = "app"
"""Name of the application's container in every pod."""

PORT = "http"
"""Name of the application's port, in pods and in Services."""


def _is_given(readiness: object) -> object:
    if readiness is None:
        raise ValueError(
            "may not be switched off: the gate lets a version take traffic when its pods are ready | "
            "Take the key out for the default, GET /ready, or probe a port: {tcpSocket: {port: http}}"
        )
    return readiness


class Drain(Model):
    """How a pod leaves.

    Attributes:
        pre_stop_seconds: how long it still answers after it was taken out of the Service. More than the 30 s
            of the load balancer's deregistration delay, so that a node that leaves is out of it first.
        termination_grace_period_seconds: from the decision to end it to SIGKILL; the rest after preStop is the
            application's, to finish its requests.
    """

    pre_stop_seconds: Annotated[Int, Field(ge=0, le=3600)] = 35
    termination_grace_period_seconds: Seconds = 60


class PodSettings(Environment):
    """The pods of a service.

    Attributes:
        port: container and Service port.
        ports: further ports, by their names.
        command: replaces the image's entrypoint.
        args: replaces the image's arguments.
        working_dir: replaces the image's.
        resources: of the application's container.
        liveness: restarts the container when it fails; null switches it off.
        readiness: decides on traffic. It cannot be switched off.
        startup: holds the other two probes back until the application has started.
        volumes: by their names.
        mounts: where the application's container has them.
        content_hash: which ConfigMaps and Secrets make a new version when they change: those of ``volumes``,
            ``envFrom`` and ``configEnv`` (references), these and those of ``secretEnv`` (all), or none.
        init_containers: run one after the other before the application starts.
        sidecars: run beside the application.
        node_selector: labels of the nodes that the pods may run on.
        tolerations: taints of nodes that do not keep the pods away.
        affinity: as Kubernetes writes it.
        spread: over the nodes.
        priority_class_name: of a PriorityClass that is there.
        runtime_class_name: of a RuntimeClass that is there.
        drain: how a pod leaves.
        min_ready_seconds: for which a new pod must be ready before it counts as available.
        security: what the restricted level leaves to choose.
        service_account: the identity of the pods.
        pod_labels: labels of the pods besides.
        pod_annotations: annotations of the pods.
        host_aliases: lines of /etc/hosts.
        dns_policy: which resolver the pods ask; None is ClusterFirst.
        dns_config: settings of the resolver besides.
        termination_message_policy: ``FallbackToLogsOnError`` shows the end of the log of a container that failed.
        termination_message_path: file in the container with its last words.
        image_pull_policy: when a node pulls the image.
        image_pull_secrets: names of Secrets with logins for registries.
        pod_patch: a strategic merge onto the pod template, for what has no key of its own.
    """

    port: PortNumber = 8000
    ports: dict[PortName, ContainerPort] = {}
    command: Words = ()
    args: Words = ()
    working_dir: MountPath | None = None
    resources: Resources = Resources()
    liveness: HttpProbe | None = HttpProbe()
    readiness: Annotated[ReadinessProbe, BeforeValidator(_is_given)] = ReadinessProbe()
    startup: StartupProbe | None = None
    volumes: dict[DnsLabel, Volume] = {}
    mounts: tuple[Mount, ...] = ()
    content_hash: Literal["references", "all", "none"] = "references"
    init_containers: tuple[InitContainer, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()
    node_selector: dict[LabelKey, LabelValue] = {WORKLOAD: "application"}
    tolerations: tuple[Toleration, ...] = ()
    affinity: Affinity = {}
    spread: Spread = Spread()
    priority_class_name: Subdomain | None = None
    runtime_class_name: Subdomain | None = None
    drain: Drain = Drain()
    min_ready_seconds: Annotated[Int, Field(ge=0, le=3600)] = 0
    security: Security = Security()
    service_account: ServiceAccountSettings = ServiceAccountSettings()
    pod_labels: Labels = {}
    pod_annotations: dict[FreeAnnotationKey, str] = {}
    host_aliases: tuple[HostAlias, ...] = ()
    dns_policy: Literal["ClusterFirst", "Default", "None"] | None = None
    dns_config: DnsConfig | None = None
    termination_message_policy: Literal["File", "FallbackToLogsOnError"] | None = None
    termination_message_path: MountPath | None = None
    image_pull_policy: PullPolicy = "IfNotPresent"
    image_pull_secrets: tuple[DnsLabel, ...] = ()
    pod_patch: dict[str, Any] = {}
