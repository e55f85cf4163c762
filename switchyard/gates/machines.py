"""The gate before a machine of the cluster is deleted."""

from switchyard.errors import ClusterError
from switchyard.gates.base import raise_refusal
from switchyard.gates.guard import Guard
from switchyard.gates.rules.machines import refuse_serving_machine, refuse_unknown_machine
from switchyard.kube.cluster import Cluster
from switchyard.kube.machines import node_of, pods_that_serve


async def before_machine_deletion(guard: Guard, instance_id: str) -> None:
    """Checks before a worker is deleted or replaced; a destroy of the whole stack may delete every machine.

    Args:
        guard: the guard of the run.
        instance_id: ID of the machine.

    Raises:
        GateRefusedError: pods that serve run on the machine, or the cluster cannot be read.
    """
    if guard.access is None or not guard.access.exists:
        return
    if guard.destroy_asked and not guard.destroying:
        await guard.before_destroy()
    if guard.destroying:
        return
    try:
        api = (await Cluster.connect(guard.access)).api
        node = await node_of(api, instance_id)
        pods = [] if node is None else await pods_that_serve(api, node)
    except ClusterError as error:
        raise_refusal(refuse_unknown_machine(instance_id, f"{error} ({error.code})"))
    else:
        raise_refusal(refuse_serving_machine(node or "", instance_id, pods))
