"""The two names of a service: the key that it has in the configuration, and the name of its objects in Kubernetes.

Paths of the configuration, commands, Pulumi's names and the stack's outputs use the key. Objects, their labels and
selectors, and DNS use the Kubernetes name, which is the key unless the service sets `name`.
"""

from typing import Annotated, NamedTuple, Self

from switchyard.config.types.text import LABEL_LIMIT, matching

NAME_LIMIT = LABEL_LIMIT - len("-preview")
"""Longest name of a service, in characters. With the longest suffix it is still a valid name of a Service."""

NAME_PATTERN = r"[a-z]([-a-z0-9]*[a-z0-9])?"

KubernetesName = Annotated[
    str,
    matching(
        rf"(?=.{{1,{NAME_LIMIT}}}\Z){NAME_PATTERN}",
        f"must be at most {NAME_LIMIT} of a-z 0-9 -, a letter first, not - last | Example: backend",
    ),
]
"""The name of Services, Deployments and of the other objects of a service."""


class ServiceName(str):
    """The Kubernetes name of a service, together with the key that the service has in the configuration.

    Attributes:
        key: key of the service under `switchyard:services`.
    """

    __slots__ = ("key",)

    key: str

    def __new__(cls, name: str, key: str) -> Self:
        """Creates a name with its key.

        Args:
            name: name of the objects in Kubernetes.
            key: key of the service under `switchyard:services`.
        """
        service_name = super().__new__(cls, name)
        service_name.key = key
        return service_name


def key_of(name: str) -> str:
    """The key of a service in the configuration. For a plain string, key and name are the same."""
    return name.key if isinstance(name, ServiceName) else name


class NamespacedName(NamedTuple):
    """Namespace and name of a service, which identify it in the cluster.

    Attributes:
        namespace: namespace of the objects.
        name: the service's name in Kubernetes.
    """

    namespace: str
    name: str
