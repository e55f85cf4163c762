"""Environment variables of a container, by the source of their values."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from switchyard.config.models.base import Bool, Model
from switchyard.config.types.text import Subdomain, matching
from switchyard.config.types.values import EnvName, SecretKey

PodField = Literal[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
]
"""Fields of its own pod that a container can have as environment variables."""

EnvPrefix = Annotated[
    str,
    matching(
        r"[-._a-zA-Z][-._a-zA-Z0-9]*",
        "must be letters, digits, - _ and ., no digit first | Example: DB_",
    ),
]


class SecretValue(Model):
    """A key of a Secret in the service's namespace, which the kubelet reads.

    Neither this program nor the state ever holds the value, and a running pod keeps the value that it started
    with.
    """

    secret: Subdomain = Field(description="Name of the Secret.", examples=["backend-secrets"])
    key: SecretKey = Field(description="Key of the Secret.", examples=["token"])


class ConfigMapValue(Model):
    """A key of a ConfigMap in the service's namespace."""

    config_map: Subdomain = Field(description="Name of the ConfigMap.", examples=["backend-config"])
    key: SecretKey = Field(description="Key of the ConfigMap.", examples=["log-level"])
    optional: Bool = Field(
        default=False,
        description="Whether the container starts without the variable when the ConfigMap or the key is missing.",
    )


class EnvFrom(Model):
    """All keys of one ConfigMap or one Secret as environment variables.

    It has exactly one of `configMap` and `secret`.
    """

    indivisible: ClassVar[bool] = True

    config_map: Subdomain | None = Field(
        default=None, description="Name of the ConfigMap.", examples=["backend-config"]
    )
    secret: Subdomain | None = Field(default=None, description="Name of the Secret.", examples=["backend-secrets"])
    prefix: EnvPrefix | None = Field(default=None, description="Prefix of the name of each variable.", examples=["DB_"])
    optional: Bool = Field(default=False, description="Whether the container starts although the object is missing.")

    @model_validator(mode="after")
    def _is_one(self) -> "EnvFrom":
        if (self.config_map is None) == (self.secret is None):
            raise ValueError("must have exactly one of configMap, secret | Example: {configMap: backend-config}")
        return self


class Environment(Model):
    """The environment variables of one container, by the source of their values."""

    env: dict[EnvName, str] = Field(
        default={},
        description="Environment variables by name, as plain text that everybody can read.",
        examples=[{"LOG_LEVEL": "info"}],
    )
    secret_env: dict[EnvName, SecretValue] = Field(
        default={},
        description="Environment variables by name, each from a key of a Secret.",
        examples=[{"TOKEN": {"secret": "backend-secrets", "key": "token"}}],
    )
    config_env: dict[EnvName, ConfigMapValue] = Field(
        default={},
        description="Environment variables by name, each from a key of a ConfigMap.",
        examples=[{"LOG_LEVEL": {"configMap": "backend-config", "key": "log-level"}}],
    )
    field_env: dict[EnvName, PodField] = Field(
        default={},
        description="Environment variables by name, each from a field of the pod, such as the name of its node.",
        examples=[{"NODE_NAME": "spec.nodeName"}],
    )
    env_from: tuple[EnvFrom, ...] = Field(
        default=(),
        description=(
            "ConfigMaps and Secrets of which every key becomes an environment variable. A variable that is "
            "named by itself takes precedence."
        ),
        examples=[[{"configMap": "backend-config"}]],
    )
