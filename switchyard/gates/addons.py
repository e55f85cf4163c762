"""The gate before an add-on of the cluster is deleted."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from switchyard.errors import ApiStatusError, ClusterError
from switchyard.gates.base import raise_refusal
from switchyard.gates.guard import Guard
from switchyard.gates.rules.addons import NEEDS, Dependents, refuse_addon_in_use, refuse_unknown_use
from switchyard.gates.rules.deletion import refuse_release_deletion
from switchyard.kube.api import BoundedApi
from switchyard.kube.cluster import Cluster
from switchyard.kube.object_names import ObjectName


async def before_release_deletion(guard: Guard, inputs: Mapping[str, Any], *, preview: bool) -> None:
    """Checks before a Helm release is deleted, which Helm identifies by its name alone.

    A destroy deletes the releases of an existing cluster too, on which objects of others may need them. With the
    machines of the stack nothing is left that could need them.

    Args:
        guard: the guard of the run.
        inputs: inputs of the release, as the state has them.
        preview: whether this is a preview, in which the objects that the update deletes still exist.

    Raises:
        GateRefusedError: the release is part of the configuration, so that its replacement would be deleted too; or
            objects on the cluster need it; or the cluster cannot be read.
    """
    namespace, name = str(inputs.get("namespace") or ""), str(inputs.get("name") or "")
    destroying = guard.destroying or guard.destroy_asked
    if not destroying and (namespace, name) in guard.releases:
        raise_refusal(refuse_release_deletion(namespace, name))
    deletes_machines = guard.own_machines and guard.destroy_asked  # a destroy of single resources does not
    if name not in NEEDS or guard.access is None or not guard.access.exists or deletes_machines:
        return
    users: list[ObjectName] = []
    try:
        api = (await Cluster.connect(guard.access)).api
        for dependents in NEEDS[name].dependents:
            for item in await _items(api, dependents):
                user = dependents.name_of(item)
                leaves = preview and guard.removes(user, item)
                if dependents.needs(item) and not leaves and "deletionTimestamp" not in item["metadata"]:
                    users.append(user)
    except ClusterError as error:
        raise_refusal(refuse_unknown_use(name, f"{error} ({error.code})"))
    raise_refusal(refuse_addon_in_use(name, users))


async def _items(api: BoundedApi, dependents: Dependents) -> list[dict[str, Any]]:
    """All objects of a kind; none where the cluster does not know the kind."""
    try:
        listed = await api.find_all(dependents.resource, None, {}, dependents.version)
    except ApiStatusError as error:
        if error.status_code == HTTPStatus.NOT_FOUND:
            return []
        raise
    items: list[dict[str, Any]] = listed["items"]
    return items
