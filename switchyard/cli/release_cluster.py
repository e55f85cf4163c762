"""The service and the cluster that a command of a release works on."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from switchyard.config.models.service import BlueGreenSettings
from switchyard.config.models.service_name import ServiceName
from switchyard.config.stack_file import local_name
from switchyard.config.stack_values import read_project
from switchyard.errors import AccessDeniedError, EngineError, NoIdentityError
from switchyard.gates.base import raise_refusal
from switchyard.gates.cluster_identity import read_uid
from switchyard.gates.rules.relocation import StackLocation
from switchyard.gates.weighted_routing import LoadBalancerRouting
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.manifests.ownership_marks import Mark
from switchyard.release.engine.engine import EngineCommand
from switchyard.release.observe import observe
from switchyard.release.plan import Observation
from switchyard.release.refusals import refuse_other_uid


async def observe_service(
    cluster: Cluster,
    access: ClusterAccess,
    stack: str,
    name: ServiceName,
    service: BlueGreenSettings,
    routing: LoadBalancerRouting | None = None,
) -> Observation:
    """Reads the Service and both colours; refuses a Service that is not the stack's.

    Args:
        cluster: the cluster.
        access: description of the cluster, for messages.
        stack: name of the stack.
        name: name of the service.
        service: settings of the service.
        routing: the load balancer whose weights a switch changes; None without one, or if nothing is switched.
    """
    project = read_project(Path.cwd())
    own = Mark(project.name if project else "", local_name(stack))
    return await observe(cluster, name, service, own, access.described, routing)


async def check_cluster(
    cluster: Cluster,
    access: ClusterAccess,
    stack: str,
    state: EngineCommand,
    seconds: float,
    unreachable: Callable[[str], None],
) -> None:
    """Refuses another cluster than the one in the state. Without the state, the mark of the Service decides.

    Args:
        cluster: the cluster.
        access: description of the cluster, for messages.
        stack: name of the stack.
        state: the engine, which reads the outputs of the stack.
        seconds: how long to wait for the state.
        unreachable: called with the reason if the state cannot be read.
    """
    try:
        outputs = json.loads(await asyncio.to_thread(state.wait, seconds))
        uid = await read_uid(cluster.api)
    except (EngineError, ValueError) as error:
        unreachable(str(error))
        return
    except (AccessDeniedError, NoIdentityError):
        return
    raise_refusal(refuse_other_uid(stack, uid, StackLocation.of(outputs).uid, access.described))
