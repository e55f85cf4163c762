"""What the deletion and ownership guard knows of a service."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceEntry:
    """One service of the configuration, as the guard needs it.

    Attributes:
        name: of the service in Kubernetes, which knows its key.
        namespace: of its objects.
        adopted: the objects that it may take over, as ``Kind/name``.
        listed: how many of them are listed under `adopt_path`.
        adopt_path: where they are listed.
    """

    name: str
    namespace: str
    adopted: frozenset[str] = frozenset()
    listed: int = 0
    adopt_path: str = ""
