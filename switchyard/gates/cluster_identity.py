"""Reads which cluster a run works on."""

from switchyard.config.kubernetes import KUBE_SYSTEM
from switchyard.errors import NoIdentityError
from switchyard.kube.api import BoundedApi


async def read_uid(api: BoundedApi) -> str:
    """UID of namespace kube-system, which no other cluster has. Raises as `BoundedApi` does.

    Raises:
        NoIdentityError: there is no such namespace.
    """
    system = await api.find("namespaces", KUBE_SYSTEM)
    if system is None:
        raise NoIdentityError(f"it has no namespace {KUBE_SYSTEM}")
    return str(system["metadata"]["uid"])
