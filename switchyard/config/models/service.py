"""One service under each strategy. The defaults suit a small HTTP backend."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from switchyard.config.models.argo_blue_green import ArgoBlueGreen
from switchyard.config.models.autoscaling import MAX_REPLICAS, Autoscaling
from switchyard.config.models.base import Bool, Int, Model, Seconds, redefined
from switchyard.config.models.canary import Canary
from switchyard.config.models.environment import ConfigMapValue, EnvFrom, SecretValue
from switchyard.config.models.node_ports import NodePort
from switchyard.config.models.ownership import Owned
from switchyard.config.models.pod import DisruptionBudget, Labels
from switchyard.config.models.pod_settings import PodSettings
from switchyard.config.models.release import Release
from switchyard.config.models.service_name import KubernetesName, NamespacedName, ServiceName
from switchyard.config.models.service_options import ServiceOptions
from switchyard.config.models.smoke import Gate
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.config.models.volumes import Volume
from switchyard.config.types.text import DnsLabel
from switchyard.config.types.values import EnvName, Image, Path, Tag


class Colour(StrEnum):
    """One of the two sets of pods of a service, of which the Service selects the active one."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> "Colour":
        """The colour that this one is switched with."""
        return Colour.GREEN if self is Colour.BLUE else Colour.BLUE


class Track(StrEnum):
    """A set of pods that the Service of a service can select: those of a colour, or those of a Rollout."""

    BLUE = "blue"
    GREEN = "green"
    ROLLOUT = "rollout"

    @property
    def replicas_key(self) -> str:
        """Key of a service under which the stack has its replicas."""
        return "replicas" if self is Track.ROLLOUT else f"{self}.replicas"


class ColourSettings(Model):
    """The version and the number of pods of one colour, and the settings that only this colour has."""

    tag: Tag | None = Field(
        default=None,
        description="Tag of the image, its digest or both. It may be absent only while the colour has no replicas.",
        examples=["v2.0.0"],
    )
    replicas: Annotated[Int, Field(ge=0, le=MAX_REPLICAS)] = Field(
        default=0,
        description="Number of pods. Under `autoscaling` the colour that serves is sized by the autoscaler.",
        examples=[3],
    )
    env: dict[EnvName, str] = Field(
        default={},
        description="Environment variables of this colour alone by name, as plain text that everybody can read.",
        examples=[{"FEATURE": "on"}],
    )
    secret_env: dict[EnvName, SecretValue] = Field(
        default={},
        description="Environment variables of this colour alone by name, each from a key of a Secret.",
        examples=[{"TOKEN": {"secret": "backend-secrets", "key": "token"}}],
    )
    config_env: dict[EnvName, ConfigMapValue] = Field(
        default={},
        description="Environment variables of this colour alone by name, each from a key of a ConfigMap.",
        examples=[{"LOG_LEVEL": {"configMap": "backend-config", "key": "log-level"}}],
    )
    env_from: tuple[EnvFrom, ...] = Field(
        default=(),
        description=(
            "ConfigMaps and Secrets of this colour alone of which every key becomes an environment variable. "
            "They take precedence over those of the service."
        ),
        examples=[[{"configMap": "backend-v2"}]],
    )
    volumes: dict[DnsLabel, Volume] = Field(
        default={},
        description="Volumes of this colour alone by name, in place of the service's volumes of the same name.",
        examples=[{"config": {"configMap": {"name": "backend-v2"}}}],
    )


class ServiceSettings(PodSettings, Owned):
    """One service.

    The entry may also have the keys of other strategies, so that changing `strategy` alone changes the strategy, and
    changes it back.
    """

    strategy: Literal["blueGreen", "canary", "argoBlueGreen"] = Field(
        default="blueGreen",
        description=(
            "How a version is released: by two colours that this program switches, or by a Rollout of Argo Rollouts."
        ),
    )
    image: Image = Field(
        description=(
            "Repository of the image, without a tag. The tag belongs to a colour, or to the service under a Rollout."
        ),
        examples=["ghcr.io/org/backend"],
    )
    active: Colour | None = Field(
        default=None,
        description="Colour that receives the traffic. Required under `strategy: blueGreen`, otherwise not read.",
        examples=["blue"],
    )
    switch_engine: SwitchEngine = Field(
        default=SwitchEngine.SELECTOR,
        description=(
            "What a change of `active` switches: `selector` the selector of the Service; `albTargets` the same, and "
            "each colour has a target group that is not used yet; `albWeights` the selector, and the weights of the "
            "load balancer's target groups. The latter two need a load balancer with a route to the service."
        ),
    )
    blue: ColourSettings = Field(
        default=ColourSettings.model_construct(),
        description="Version, number of pods and own settings of the colour blue.",
        examples=[{"tag": "v1.0.0", "replicas": 3}],
    )
    green: ColourSettings = Field(
        default=ColourSettings.model_construct(),
        description="Version, number of pods and own settings of the colour green.",
        examples=[{"tag": "v2.0.0", "replicas": 0}],
    )
    tag: Tag | None = Field(
        default=None,
        description=(
            "Tag of the image, its digest or both. Required under the strategies `canary` and "
            "`argoBlueGreen`, and not read under `blueGreen`."
        ),
        examples=["v2.0.0"],
    )
    replicas: Annotated[Int, Field(ge=0, le=MAX_REPLICAS)] | None = Field(
        default=10,
        description=(
            "Number of pods under the strategies `canary` and `argoBlueGreen`. With null, an autoscaler that the "
            "stack does not manage sets the number. It is not read under `autoscaling`."
        ),
        examples=[3],
    )
    autoscaling: Autoscaling | None = Field(
        default=None,
        description=(
            "Autoscaler that sizes the pods that serve between two limits, under every strategy. Without it the "
            "number of pods is fixed."
        ),
        examples=[{"min": 3, "max": 10}],
    )
    canary: Canary = Field(default=Canary.model_construct(), description="The release under `strategy: canary`.")
    argo_blue_green: ArgoBlueGreen = Field(
        default=ArgoBlueGreen.model_construct(), description="The release under `strategy: argoBlueGreen`."
    )
    name: KubernetesName | None = Field(
        default=None,
        description=(
            "Name of the service's objects in Kubernetes, so that services in two namespaces can have the "
            "same name. Default: the key of the service."
        ),
        examples=["backend"],
    )
    namespace: DnsLabel = Field(
        default="default", description="Namespace of the service. It must exist.", examples=["payments"]
    )
    node_port: NodePort | None = Field(
        default=None,
        description="Fixed port on the nodes of the Service that users reach. Without it Kubernetes chooses one.",
        examples=[30080],
    )
    service_options: ServiceOptions = Field(
        default=ServiceOptions.model_construct(),
        alias="service",
        description="Type and options of the Service that users reach.",
        examples=[{"type": "ClusterIP"}],
    )
    health_check_path: Path | None = Field(
        default=None,
        description="Path that the load balancer's health check requests. Default: the path of the readiness probe.",
        examples=["/ready"],
    )
    labels: Labels = Field(
        default={},
        description="Further labels of the service's objects, by key. Pods have `podLabels`.",
        examples=[{"example.org/team": "payments"}],
    )
    gate: Gate = Field(default=Gate.model_construct(), description="What must hold before a switch.")
    release: Release = Field(
        default=Release.model_construct(), description="How `switchyard deploy`, `switch` and `rollback` release."
    )
    pod_disruption_budget: DisruptionBudget = Field(
        default=DisruptionBudget.model_construct(), description="The PodDisruptionBudget of each set of pods."
    )
    ready_timeout_seconds: Seconds = Field(
        default=300, description="Seconds that an update waits for pods to become available."
    )
    progress_deadline_seconds: Annotated[Int, Field(ge=1, le=3600)] = Field(
        default=300, description="Seconds without progress after which a Deployment or a Rollout reports a failure."
    )
    revision_history_limit: Annotated[Int, Field(ge=0, le=100)] = Field(
        default=5, description="Number of old ReplicaSets that Kubernetes keeps for a rollback."
    )
    allow_in_place_update: Bool = Field(
        default=False, description="Whether the colour that serves may be changed by a rolling update."
    )

    def kubernetes_name(self, key: str) -> str:
        """The name of the service's objects, and the value of their label ``app``."""
        return self.name or key

    def named(self, key: str) -> ServiceName:
        """The name of the service's objects, together with its key in the configuration."""
        return ServiceName(self.kubernetes_name(key), key)

    def namespaced(self, key: str) -> NamespacedName:
        """Namespace and name of the service, which identify it in the cluster."""
        return NamespacedName(self.namespace, self.kubernetes_name(key))

    def colour(self, colour: Colour) -> ColourSettings:
        """The settings of one colour."""
        return self.blue if colour is Colour.BLUE else self.green

    @property
    def track(self) -> Track:
        """The track that receives the traffic according to the settings."""
        raise NotImplementedError

    @property
    def engine(self) -> SwitchEngine:
        """What a switch changes; a Rollout always uses the selector."""
        return SwitchEngine.SELECTOR

    def own(self, track: Track) -> ColourSettings:
        """The settings of one track alone; a Rollout has none."""
        return ColourSettings() if track is Track.ROLLOUT else self.colour(Colour(track))

    def replicas_of(self, track: Track) -> int:
        """Replicas of a track: the minimum of its autoscaler where it has one, 1 where an unknown one sizes it."""
        if self.autoscaling is not None and track is self.track:
            return self.autoscaling.min
        if track is Track.ROLLOUT:
            return 1 if self.replicas is None else self.replicas
        return self.colour(Colour(track)).replicas

    def most_replicas_of(self, track: Track) -> int | None:
        """Most replicas of a track; None where the settings do not limit them."""
        if self.autoscaling is not None and track is self.track:
            return self.autoscaling.max
        return self.replicas if track is Track.ROLLOUT else self.colour(Colour(track)).replicas


class BlueGreenSettings(ServiceSettings):
    """A service in two colours, of which the active one receives the traffic."""

    active: Colour = redefined(ServiceSettings, "active", ...)

    @property
    def track(self) -> Track:
        """The track of the active colour."""
        return Track(self.active)

    @property
    def engine(self) -> SwitchEngine:
        """What a switch changes, as the settings have it."""
        return self.switch_engine


class RolloutSettings(ServiceSettings):
    """A service whose pods are those of a Rollout."""

    tag: Tag = redefined(ServiceSettings, "tag", ...)

    @property
    def track(self) -> Track:
        """The track of the Rollout's pods."""
        return Track.ROLLOUT


class CanarySettings(RolloutSettings):
    """A service under `strategy: canary`, released step by step by Argo Rollouts."""

    strategy: Literal["canary"] = redefined(ServiceSettings, "strategy", ...)


class ArgoBlueGreenSettings(RolloutSettings):
    """A service under `strategy: argoBlueGreen`, released all at once by Argo Rollouts."""

    strategy: Literal["argoBlueGreen"] = redefined(ServiceSettings, "strategy", ...)
