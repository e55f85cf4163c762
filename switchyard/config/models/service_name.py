"""The two names of a service: the key that it has in the configuration, and the name of its objects in Kubernetes.

Paths of the configuration, commands, Pulumi's names and the stack's outputs have the key. Objects, their labels and
selectors, and DNS have the Kubernetes name, which is the key unless the service says `name`.
"""

from typing import Annotated, NamedTuple, Self

from switchyard.config.types.text import LABEL_LIMIT, matching

NAME_LIMIT = LABEL_LIMIT - len("-preview")
"""Characters of a service's name: with the longest suffix behind it, it is still the name of a Service."""

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
    """The Kubernetes name of a service, which knows the key that the service has in the configuration.

    Attributes:
        key: under `switchyard:services`.
    """

    __slots__ = ("key",)

    key: str

    def __new__(cls, name: str, key: str) -> Self:
        """Creates a name with its key.

        Args:
            name: name of the objects in Kubernetes.
            key: under `switchyard:services`.
        """
        service_name = super().__new__(cls, name)
        service_name.key = key
        return service_name


def key_of(name: str) -> str:
    """The key of a service in the configuration, by its name; a plain text is key and name alike."""
    return name.key if isinstance(name, ServiceName) else name


class NamespacedName(NamedTuple):
    """Namespace and name of a service, which identify it in the cluster.

    Attributes:
        namespace: namespace of the objects.
        name: the service's name in Kubernetes.
    """

    namespace: str
    name: str
