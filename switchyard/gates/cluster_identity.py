"""Reads the identity of the cluster that a run works on."""

from switchyard.config.kubernetes import KUBE_SYSTEM
from switchyard.errors import NoIdentityError
from switchyard.kube.api import BoundedApi


async def read_uid(api: BoundedApi) -> str:
    """The UID of namespace kube-system, which is unique to the cluster. Raises the errors of `BoundedApi`.

    Raises:
        NoIdentityError: the cluster has no namespace kube-system.
    """
    system = await api.find("namespaces", KUBE_SYSTEM)
    if system is None:
        raise NoIdentityError(f"it has no namespace {KUBE_SYSTEM}")
    return str(system["metadata"]["uid"])
