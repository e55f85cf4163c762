"""One service, in two colours or under a canary. Defaults are those of the FastAPI backend that it was made for."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings.argo_blue_green import ArgoBlueGreen
from settings.canary import Canary
from settings.engine import SwitchEngine
from settings.model import Bool, Int, Model, Seconds
from settings.nodes import WORKLOAD, Toleration
from settings.ownership import Owned
from settings.text import AnnotationKey, DnsLabel, LabelKey, LabelValue, Subdomain
from settings.values import EnvName, Image, Path, Quantity, SecretKey, Tag, is_regular_expression

MAX_REPLICAS = 100
"""Replicas of one colour: beyond the pods that one node of default kubelet settings takes, so a typing error."""


class Colour(StrEnum):
    """One of the two sets of pods; the Service selects one of them."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> "Colour":
        """The other colour."""
        return Colour.GREEN if self is Colour.BLUE else Colour.BLUE


class Track(StrEnum):
    """One set of pods that the Service of a service can select: those of a colour, or those of a Rollout."""

    BLUE = "blue"
    GREEN = "green"
    ROLLOUT = "rollout"

    @property
    def replicas_key(self) -> str:
        """Key of a service under which the stack has its replicas."""
        return "replicas" if self is Track.ROLLOUT else f"{self}.replicas"


class SecretValue(Model):
    """Where a secret value lies: a key of a Secret in the service's namespace, which the kubelet reads.

    Neither the program nor the state ever holds the value. A pod that is running keeps the one that it started with.
    """

    secret: Subdomain
    key: SecretKey


PodField = Literal[
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "status.hostIP", "status.podIP"
]
"""What a container can be told about its own pod."""


class ColourSettings(Model):
    """What runs in one colour.

    Attributes:
        tag: image tag; may be absent only while there are no replicas.
        replicas: pods wanted.
        env: environment variables of this colour alone; plain text, for everybody to read.
        secret_env: environment variables of this colour alone, from Secrets.
    """

    tag: Tag | None = None
    replicas: Annotated[Int, Field(ge=0, le=MAX_REPLICAS)] = 0
    env: dict[EnvName, str] = {}
    secret_env: dict[EnvName, SecretValue] = {}


class Requests(Model):
    """What the container asks for, as Kubernetes quantities; the scheduler counts it."""

    cpu: Quantity = "100m"
    memory: Quantity = "256Mi"


class Limits(Model):
    """What the container may use at most, as Kubernetes quantities."""

    cpu: Quantity = "500m"
    memory: Quantity = "512Mi"


class Resources(Model):
    """CPU and memory of the container."""

    requests: Requests = Requests()
    limits: Limits = Limits()


class HttpProbe(Model):
    """An HTTP probe of the kubelet; times in seconds. These are the liveness probe's defaults."""

    path: Path = "/health"
    initial_delay_seconds: Annotated[Int, Field(ge=0, le=3600)] = 30
    period_seconds: Seconds = 10
    timeout_seconds: Seconds = 1
    failure_threshold: Annotated[Int, Field(ge=1, le=100)] = 3


class ReadinessProbe(HttpProbe):
    """The probe that decides on traffic, with the defaults that it has; times in seconds."""

    path: Path = "/ready"
    initial_delay_seconds: Annotated[Int, Field(ge=0, le=3600)] = 5
    period_seconds: Seconds = 5


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


class SmokeCheck(Model):
    """One HTTP check: the status that `path` must answer with, and text that its body must match."""

    path: Path
    status: Annotated[Int, Field(ge=100, le=599)] = 200
    body_matches: Annotated[str, AfterValidator(is_regular_expression)] | None = None


class Smoke(Model):
    """Checks of a colour before it takes traffic; times in seconds."""

    enabled: Bool = True
    paths: tuple[SmokeCheck, ...] = (SmokeCheck(path="/health"), SmokeCheck(path="/ready"))
    attempts: Annotated[Int, Field(ge=1, le=20)] = 3
    timeout_seconds: Seconds = 5
    interval_seconds: Seconds = 1


class Gate(Model):
    """What must hold before the switch.

    Attributes:
        timeout_seconds: how long to wait for endpoints that are not ready yet.
        min_ready_percent_of_serving: ready pods of the new colour, as a share of those that serve, percent.
        smoke: HTTP checks.
        check_nodes: asks each node's kube-proxy whether it is well, before ready pods of the old colour go. Off where
            something else implements Services.
    """

    timeout_seconds: Seconds = 30
    check_nodes: Bool = True
    min_ready_percent_of_serving: Annotated[Int, Field(ge=0, le=100)] = 100
    smoke: Smoke = Smoke()


class Security(Model):
    """What the restricted pod security level leaves to choose."""

    run_as_user: Annotated[Int, Field(ge=1, le=2**31 - 1)] = 10001
    read_only_root_filesystem: Bool = True


class DisruptionBudget(Model):
    """How many pods of a colour a drain may take at a time."""

    max_unavailable: Annotated[Int, Field(ge=1, le=MAX_REPLICAS)] = 1


class ServiceSettings(Owned):
    """What a service has, whatever brings its versions to the users; what it owns is in its base.

    The keys of the other strategies may stand beside those of its own: so one key hands a service over, and back.

    Attributes:
        strategy: how releases happen.
        image: repository of the image; the tag belongs to a colour, or to the service under a Rollout.
        active: the colour that takes traffic.
        switch_engine: what gives it the traffic. The two of the load balancer need one, with a route to the service.
        tag: image tag under a canary and under argoBlueGreen.
        replicas: pods wanted under these two; None leaves them to an autoscaler.
        canary: how a canary goes.
        argo_blue_green: how a release goes that Argo Rollouts switches at once.
        namespace: must exist.
        port: container and Service port.
        node_port: fixed NodePort of the active Service; None lets Kubernetes choose.
        env: environment variables; plain text, for everybody to read. Those of a colour win.
        secret_env: environment variables from Secrets. Those of a colour win.
        field_env: environment variables from what Kubernetes knows of the pod, for example its node's name.
        ready_timeout_seconds: how long an update waits for pods to be available.
        progress_deadline_seconds: after which a Deployment or a Rollout that does not get on says so.
        allow_in_place_update: permits a rolling update of the colour that serves.
    """

    strategy: Literal["blueGreen", "canary", "argoBlueGreen"] = "blueGreen"
    image: Image
    active: Colour | None = None
    switch_engine: SwitchEngine = SwitchEngine.SELECTOR
    blue: ColourSettings = ColourSettings()
    green: ColourSettings = ColourSettings()
    tag: Tag | None = None
    replicas: Annotated[Int, Field(ge=0, le=MAX_REPLICAS)] | None = 10
    canary: Canary = Canary()
    argo_blue_green: ArgoBlueGreen = ArgoBlueGreen()
    namespace: DnsLabel = "default"
    port: Annotated[Int, Field(ge=1, le=65535)] = 8000
    node_port: Annotated[Int, Field(ge=30000, le=32767)] | None = None
    env: dict[EnvName, str] = {}
    secret_env: dict[EnvName, SecretValue] = {}
    field_env: dict[EnvName, PodField] = {}
    resources: Resources = Resources()
    liveness: HttpProbe = HttpProbe()
    readiness: ReadinessProbe = ReadinessProbe()
    node_selector: dict[LabelKey, LabelValue] = {WORKLOAD: "application"}
    tolerations: tuple[Toleration, ...] = ()
    drain: Drain = Drain()
    gate: Gate = Gate()
    security: Security = Security()
    pod_disruption_budget: DisruptionBudget = DisruptionBudget()
    pod_annotations: dict[AnnotationKey, str] = {}
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[DnsLabel, ...] = ()
    ready_timeout_seconds: Seconds = 300
    progress_deadline_seconds: Annotated[Int, Field(ge=1, le=3600)] = 300
    revision_history_limit: Annotated[Int, Field(ge=0, le=100)] = 5
    allow_in_place_update: Bool = False

    def colour(self, colour: Colour) -> ColourSettings:
        """The settings of one colour."""
        return self.blue if colour is Colour.BLUE else self.green

    @property
    def track(self) -> Track:
        """The pods that take the traffic, as the stack has it."""
        raise NotImplementedError

    @property
    def engine(self) -> SwitchEngine:
        """What a switch changes. Only two colours leave that to choose."""
        return SwitchEngine.SELECTOR

    def replicas_of(self, track: Track) -> int:
        """Pods wanted of a track; of one that an autoscaler sizes, one."""
        if track is Track.ROLLOUT:
            return 1 if self.replicas is None else self.replicas
        return self.colour(Colour(track)).replicas


class BlueGreenSettings(ServiceSettings):
    """A service in two colours, of which one takes the traffic."""

    active: Colour

    @property
    def track(self) -> Track:
        """The active colour."""
        return Track(self.active)

    @property
    def engine(self) -> SwitchEngine:
        """As the settings say."""
        return self.switch_engine


class RolloutSettings(ServiceSettings):
    """A service whose pods are those of a Rollout."""

    tag: Tag

    @property
    def track(self) -> Track:
        """The Rollout's pods."""
        return Track.ROLLOUT


class CanarySettings(RolloutSettings):
    """A service whose new versions get their traffic step by step, from Argo Rollouts."""

    strategy: Literal["canary"]


class ArgoBlueGreenSettings(RolloutSettings):
    """A service whose new versions get their traffic at once, from Argo Rollouts."""

    strategy: Literal["argoBlueGreen"]
