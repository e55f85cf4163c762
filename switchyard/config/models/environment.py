"""Where the environment variables of a container come from."""

from typing import Annotated, Literal

from pydantic import model_validator

from switchyard.config.models.base import Bool, Model
from switchyard.config.types.text import Subdomain, matching
from switchyard.config.types.values import EnvName, SecretKey

PodField = Literal[
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "status.hostIP", "status.podIP"
]
"""What a container can be told about its own pod."""

EnvPrefix = Annotated[
    str,
    matching(
        r"[-._a-zA-Z][-._a-zA-Z0-9]*",
        "must be letters, digits, - _ and ., no digit first | Example: DB_",
    ),
]


class SecretValue(Model):
    """Where a secret value lies: a key of a Secret in the service's namespace, which the kubelet reads.

    Neither the program nor the state ever holds the value. A pod that is running keeps the one that it started with.
    """

    secret: Subdomain
    key: SecretKey


class ConfigMapValue(Model):
    """Where a value lies: a key of a ConfigMap in the service's namespace.

    Attributes:
        config_map: name of the ConfigMap.
        key: one of its keys.
        optional: starts the container without the variable when the ConfigMap or the key is missing.
    """

    config_map: Subdomain
    key: SecretKey
    optional: Bool = False


class EnvFrom(Model):
    """All keys of one ConfigMap or Secret as environment variables.

    Attributes:
        config_map: name of a ConfigMap; this or `secret`.
        secret: name of a Secret.
        prefix: stands before each key.
        optional: starts the container although the object is missing.
    """

    config_map: Subdomain | None = None
    secret: Subdomain | None = None
    prefix: EnvPrefix | None = None
    optional: Bool = False

    @model_validator(mode="after")
    def _is_one(self) -> "EnvFrom":
        if (self.config_map is None) == (self.secret is None):
            raise ValueError("must have exactly one of configMap, secret | Example: {configMap: backend-config}")
        return self


class Environment(Model):
    """The environment variables of one container, by where their values come from.

    Attributes:
        env: plain text, for everybody to read.
        secret_env: keys of Secrets.
        config_env: keys of ConfigMaps.
        field_env: what Kubernetes knows of the pod, for example its node's name.
        env_from: whole ConfigMaps and Secrets; a variable that is named by itself wins over these.
    """

    env: dict[EnvName, str] = {}
    secret_env: dict[EnvName, SecretValue] = {}
    config_env: dict[EnvName, ConfigMapValue] = {}
    field_env: dict[EnvName, PodField] = {}
    env_from: tuple[EnvFrom, ...] = ()
