"""Reads which cluster a run works on."""

from switchyard.errors import NoIdentityError
from switchyard.kube.api import BoundedApi


async def read_uid(api: BoundedApi) -> str:
    """UID of namespace kube-system, which no other cluster has. Raises as `BoundedApi` does.

    Raises:
        NoIdentityError: there is no such namespace.
    """
    system = await api.find("namespaces", "kube-system")
    if system is None:
        raise NoIdentityError("it has no namespace kube-system")
    return str(system["metadata"]["uid"])
