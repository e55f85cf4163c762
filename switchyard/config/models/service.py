"""One service, in two colours or under a canary. Defaults are those of the FastAPI backend that it was made for."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from switchyard.config.models.argo_blue_green import ArgoBlueGreen
from switchyard.config.models.autoscaling import MAX_REPLICAS, Autoscaling
from switchyard.config.models.base import Bool, Int, Model, Seconds
from switchyard.config.models.canary import Canary
from switchyard.config.models.environment import ConfigMapValue, EnvFrom, SecretValue
from switchyard.config.models.node_ports import NodePort
from switchyard.config.models.ownership import Owned
from switchyard.config.models.pod import DisruptionBudget, Labels
from switchyard.config.models.pod_settings import PodSettings
from switchyard.config.models.service_name import KubernetesName, NamespacedName, ServiceName
from switchyard.config.models.service_options import ServiceOptions
from switchyard.config.models.smoke import Gate
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.config.models.volumes import Volume
from switchyard.config.types.text import DnsLabel
from switchyard.config.types.values import EnvName, Image, Path, Tag


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


class ColourSettings(Model):
    """What runs in one colour.

    Attributes:
        tag: image tag; may be absent only while there are no replicas.
        replicas: pods wanted.
        env: environment variables of this colour alone; plain text, for everybody to read.
        secret_env: environment variables of this colour alone, from Secrets.
        config_env: environment variables of this colour alone, from ConfigMaps.
        env_from: ConfigMaps and Secrets of this colour alone, whole; they win over those of the service.
        volumes: volumes of this colour alone, in place of the service's of the same name.
    """

    tag: Tag | None = None
    replicas: Annotated[Int, Field(ge=0, le=MAX_REPLICAS)] = 0
    env: dict[EnvName, str] = {}
    secret_env: dict[EnvName, SecretValue] = {}
    config_env: dict[EnvName, ConfigMapValue] = {}
    env_from: tuple[EnvFrom, ...] = ()
    volumes: dict[DnsLabel, Volume] = {}


class ServiceSettings(PodSettings, Owned):
    """What a service has, whatever brings its versions to the users; its pods and what it owns are in its bases.

    The keys of the other strategies may stand beside those of its own: so one key hands a service over, and back.

    Attributes:
        strategy: how releases happen.
        image: repository of the image; the tag belongs to a colour, or to the service under a Rollout.
        active: the colour that takes traffic.
        switch_engine: what gives it the traffic. The two of the load balancer need one, with a route to the service.
        tag: image tag under a canary and under argoBlueGreen.
        replicas: pods wanted under these two; None leaves them to an autoscaler. Not read under `autoscaling`.
        autoscaling: sizes what serves between two limits, under every strategy; None keeps fixed numbers.
        canary: how a canary goes.
        argo_blue_green: how a release goes that Argo Rollouts switches at once.
        name: of the service's objects in Kubernetes; None takes the key. So one name may be in two namespaces.
        namespace: must exist.
        node_port: fixed NodePort of the active Service; None lets Kubernetes choose.
        service_options: key ``service``: type and options of the Service that users reach.
        health_check_path: what the load balancer asks for; None takes the path of the readiness probe.
        labels: labels of the service's objects besides; pods have ``podLabels``.
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
    autoscaling: Autoscaling | None = None
    canary: Canary = Canary()
    argo_blue_green: ArgoBlueGreen = ArgoBlueGreen()
    name: KubernetesName | None = None
    namespace: DnsLabel = "default"
    node_port: NodePort | None = None
    service_options: ServiceOptions = Field(default=ServiceOptions(), alias="service")
    health_check_path: Path | None = None
    labels: Labels = {}
    gate: Gate = Gate()
    pod_disruption_budget: DisruptionBudget = DisruptionBudget()
    ready_timeout_seconds: Seconds = 300
    progress_deadline_seconds: Annotated[Int, Field(ge=1, le=3600)] = 300
    revision_history_limit: Annotated[Int, Field(ge=0, le=100)] = 5
    allow_in_place_update: Bool = False

    def kubernetes_name(self, key: str) -> str:
        """The name of the service's objects, and the value of their label ``app``."""
        return self.name or key

    def named(self, key: str) -> ServiceName:
        """The same name, which knows the key as well."""
        return ServiceName(self.kubernetes_name(key), key)

    def namespaced(self, key: str) -> NamespacedName:
        """What tells the service apart from every other one of the cluster."""
        return NamespacedName(self.namespace, self.kubernetes_name(key))

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

    def own(self, track: Track) -> ColourSettings:
        """What one track has for itself; a Rollout has nothing."""
        return ColourSettings() if track is Track.ROLLOUT else self.colour(Colour(track))

    def replicas_of(self, track: Track) -> int:
        """Pods wanted of a track; of one that an autoscaler sizes the fewest, one where its minimum is not known."""
        if self.autoscaling is not None and track is self.track:
            return self.autoscaling.min
        if track is Track.ROLLOUT:
            return 1 if self.replicas is None else self.replicas
        return self.colour(Colour(track)).replicas

    def most_replicas_of(self, track: Track) -> int | None:
        """Pods that a track may have at most; None when nothing in the settings limits them."""
        if self.autoscaling is not None and track is self.track:
            return self.autoscaling.max
        return self.replicas if track is Track.ROLLOUT else self.colour(Colour(track)).replicas


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
