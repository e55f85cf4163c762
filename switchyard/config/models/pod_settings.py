"""The settings of a service's pods, which are the same under every strategy."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from switchyard.config.models.base import Int, Model
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
            "may not be switched off: a version gets traffic when its pods are ready | "
            "Remove the key for the default, GET /ready, or probe a port: {tcpSocket: {port: http}}"
        )
    return readiness


class PodDrain(Model):
    """How a pod is drained before it ends."""

    pre_stop_seconds: Annotated[Int, Field(ge=0, le=3600)] = Field(
        default=35,
        description=(
            "Seconds for which a pod continues to answer after it was removed from the Service. The default is "
            "longer than the load balancer's deregistration delay of 30 s, so that a node that is "
            "drained is deregistered first."
        ),
    )
    termination_grace_period_seconds: Annotated[Int, Field(ge=1, le=24 * 3600)] = Field(
        default=60,
        description=(
            "Seconds from the decision to terminate a pod until SIGKILL. After `preStopSeconds`, the application has "
            "the remaining time to finish its requests."
        ),
    )


class PodSettings(Environment):
    """The pods of a service."""

    port: PortNumber = Field(
        default=8000,
        description="Port of the application's container, and of the service's Services without `servicePort`.",
    )
    service_port: PortNumber | None = Field(
        default=None,
        description=(
            "Port of the service's Services, which route to `port`. It cannot be set under `canary.traffic` alb and "
            "istio. Default: `port`."
        ),
        examples=[80],
    )
    ports: dict[PortName, ContainerPort] = Field(
        default={},
        description="Further ports of the application's container, by their names.",
        examples=[{"metrics": {"containerPort": 9090}}],
    )
    command: Words = Field(
        default=(),
        description="Replaces the entrypoint of the image. `$(NAME)` in it is expanded by Kubernetes.",
        examples=[["/app/server"]],
    )
    args: Words = Field(
        default=(),
        description="Replaces the arguments of the image. `$(NAME)` in it is expanded by Kubernetes.",
        examples=[["--workers=4"]],
    )
    working_dir: MountPath | None = Field(
        default=None, description="Replaces the working directory of the image.", examples=["/app"]
    )
    resources: Resources = Field(
        default=Resources.model_construct(), description="Requests and limits of the application's container."
    )
    liveness: HttpProbe | None = Field(
        default=HttpProbe.model_construct(),
        description=(
            "Liveness probe of the application's container, which restarts it when it fails. With null there is none."
        ),
        examples=[None],
    )
    readiness: Annotated[ReadinessProbe, BeforeValidator(_is_given)] = Field(
        default=ReadinessProbe.model_construct(),
        description=(
            "Readiness probe of the application's container, which decides whether a pod receives traffic. "
            "It cannot be switched off."
        ),
        examples=[{"path": "/ready"}],
    )
    startup: StartupProbe | None = Field(
        default=None,
        description=(
            "Startup probe of the application's container, which delays the other two until it succeeds. "
            "Without it there is none."
        ),
        examples=[{"path": "/ready"}],
    )
    volumes: dict[DnsLabel, Volume] = Field(
        default={},
        description="Volumes of the pods, by their names.",
        examples=[{"config": {"configMap": {"name": "backend-config"}}}],
    )
    mounts: tuple[Mount, ...] = Field(
        default=(),
        description="Volumes that the application's container mounts.",
        examples=[[{"volume": "config", "path": "/etc/backend", "readOnly": True}]],
    )
    content_hash: Literal["references", "all", "none"] = Field(
        default="references",
        description=(
            "ConfigMaps and Secrets whose change counts as a new version: `references` those of `volumes`, "
            "`envFrom` and `configEnv`; `all` those of `secretEnv` as well; `none` no objects."
        ),
    )
    init_containers: tuple[InitContainer, ...] = Field(
        default=(),
        description="Containers that run one after the other before the application starts.",
        examples=[[{"name": "migrate", "image": "ghcr.io/org/migrate:v1.0.0"}]],
    )
    sidecars: tuple[Sidecar, ...] = Field(
        default=(),
        description="Containers that run beside the application.",
        examples=[[{"name": "proxy", "image": "ghcr.io/org/proxy:v1.2.3"}]],
    )
    node_selector: dict[LabelKey, LabelValue] = Field(
        default={WORKLOAD: "application"},
        description="Labels of the nodes on which the pods may run.",
        examples=[{"workload": "application"}],
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(),
        description="Taints of nodes that the pods tolerate.",
        examples=[[{"key": "dedicated", "value": "redis", "effect": "NoSchedule"}]],
    )
    affinity: Affinity = Field(
        default={}, description="Affinity of the pods, as Kubernetes has it.", examples=[{"podAntiAffinity": {}}]
    )
    spread: Spread = Field(
        default=Spread.model_construct(), description="How the pods of one version are spread over the nodes."
    )
    priority_class_name: Subdomain | None = Field(
        default=None, description="Name of an existing PriorityClass.", examples=["high"]
    )
    runtime_class_name: Subdomain | None = Field(
        default=None, description="Name of an existing RuntimeClass.", examples=["gvisor"]
    )
    drain: PodDrain = Field(default=PodDrain.model_construct(), description="How a pod is drained before it ends.")
    min_ready_seconds: Annotated[Int, Field(ge=0, le=3600)] = Field(
        default=0, description="Seconds for which a new pod must be ready before it counts as available."
    )
    security: Security = Field(
        default=Security.model_construct(),
        description="The settings that the restricted pod security level leaves open.",
    )
    service_account: ServiceAccountSettings = Field(
        default=ServiceAccountSettings.model_construct(), description="The ServiceAccount of the pods."
    )
    pod_labels: Labels = Field(
        default={}, description="Further labels of the pods, by key.", examples=[{"example.org/team": "payments"}]
    )
    pod_annotations: dict[FreeAnnotationKey, str] = Field(
        default={}, description="Annotations of the pods, by key.", examples=[{"prometheus.io/scrape": "true"}]
    )
    host_aliases: tuple[HostAlias, ...] = Field(
        default=(),
        description="Lines of /etc/hosts of the pods.",
        examples=[[{"ip": "10.0.0.10", "hostnames": ["database.internal"]}]],
    )
    dns_policy: Literal["ClusterFirst", "Default", "None"] | None = Field(
        default=None, description="Which resolver the pods ask. Default: `ClusterFirst`.", examples=["Default"]
    )
    dns_config: DnsConfig | None = Field(
        default=None,
        description="Settings of the pods' resolver, in addition to those of the DNS policy.",
        examples=[{"options": [{"name": "ndots", "value": "2"}]}],
    )
    termination_message_policy: Literal["File", "FallbackToLogsOnError"] | None = Field(
        default=None,
        description="`FallbackToLogsOnError` shows the end of the log of a container that failed. Default: `File`.",
        examples=["FallbackToLogsOnError"],
    )
    termination_message_path: MountPath | None = Field(
        default=None,
        description=(
            "File of the container with the message that Kubernetes shows when it has ended. Default: "
            "/dev/termination-log."
        ),
        examples=["/var/run/termination"],
    )
    image_pull_policy: PullPolicy = Field(default="IfNotPresent", description="When a node pulls the image.")
    image_pull_secrets: tuple[Subdomain, ...] = Field(
        default=(), description="Names of Secrets with credentials for registries.", examples=[["registry-credentials"]]
    )
    pod_patch: dict[str, Any] = Field(
        default={},
        description="Strategic merge patch of the pod template, for fields that have no key.",
        examples=[{"spec": {"shareProcessNamespace": True}}],
    )

    @property
    def exposed_port(self) -> int:
        """The port of the service's Services."""
        return self.port if self.service_port is None else self.service_port
