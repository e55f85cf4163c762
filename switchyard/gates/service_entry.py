"""The data about a service that the guard of ownership and deletion needs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceEntry:
    """The name and the adoptable objects of one configured service.

    Attributes:
        name: the name of its objects, with its key.
        namespace: the namespace of its objects.
        adopted: the objects that it may adopt, as ``Kind/name``.
        listed: number of objects that are listed under `adopt_path`.
        adopt_path: path of the configuration that lists them.
    """

    name: str
    namespace: str
    adopted: frozenset[str] = frozenset()
    listed: int = 0
    adopt_path: str = ""
