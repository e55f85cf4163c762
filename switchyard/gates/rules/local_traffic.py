"""The traffic policy Local, under which a node without a ready pod of the Service answers no request."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting

LOCAL = "Local"
"""The traffic policy that routes to pods of the same node alone. The other one is Cluster."""


def local_policies(service: ServiceSettings, live: Mapping[str, Any], *, by_command: bool) -> list[str]:
    """The traffic policies of a Service that are Local after a switch, by their names in Kubernetes.

    A policy that the settings do not name stays as it is on the cluster.

    Args:
        service: settings of the service.
        live: specification of the Service on the cluster.
        by_command: whether a command switches, which writes the selector alone.
    """
    options = service.service_options
    settings = {
        "internalTrafficPolicy": options.internal_traffic_policy,
        "externalTrafficPolicy": options.external_traffic_policy,
    }
    return [
        key
        for key, value in settings.items()
        if value == LOCAL or (live.get(key) == LOCAL and (by_command or value is None))
    ]


def refuse_lost_nodes(
    name: str, service: ServiceSettings, to: Track, policies: Sequence[str], nodes: Iterable[str]
) -> Refusal | None:
    """Refuses a switch after which nodes that answer now would not.

    Args:
        name: the service's name.
        service: settings of the service.
        to: the track to switch to.
        policies: the traffic policies of the Service that are Local.
        nodes: nodes with a ready pod that serves and without one of the track.
    """
    lost = ", ".join(sorted(nodes))
    if not policies or not lost:
        return None
    key = "autoscaling.min" if service.autoscaling is not None and to is service.track else to.replicas_key
    cluster = " && ".join(_setting(name, policy) for policy in policies)
    return Refusal(
        code=Code.NODES_LOST,
        step=f"{key_of(name)}: the switch to {to}",
        observed=f"on {lost} pods serve, and none of {to} is ready there",
        rule=(
            f"with {' and '.join(f'{policy} {LOCAL}' for policy in policies)} a node without a ready pod of Service "
            f"{name} answers no request"
        ),
        remedy=(
            f"The Service was not changed. Set {key} to at least the number of nodes that take pods of the service, or "
            f"have every node route to all pods: `{cluster} && {typed('pulumi up')}`. "
            f"See: kubectl -n {service.namespace} get pods -l app={name} -o wide"
        ),
    )


def warn_lost_nodes(
    name: str, service: ServiceSettings, to: Track, policies: Sequence[str], nodes: Iterable[str]
) -> str | None:
    """Warns of nodes that answer now and do not after a rollback, with the arguments of `refuse_lost_nodes`."""
    lost = ", ".join(sorted(nodes))
    if not policies or not lost:
        return None
    patch = shlex.quote(json.dumps({"spec": dict.fromkeys(policies, "Cluster")}))
    return notice(
        Code.NODES_LOST,
        key_of(name),
        f"on {lost} pods serve, and none of {to} is ready there: with "
        f"{' and '.join(f'{policy} {LOCAL}' for policy in policies)} these nodes answer no request after the rollback",
        "The rollback continues. To have every node route to all pods at once: "
        f"kubectl -n {service.namespace} patch service {name} -p {patch}, and to keep that: "
        f"{' && '.join(_setting(name, policy) for policy in policies)} && {typed('pulumi up')}",
    )


def _setting(name: str, policy: str) -> str:
    return setting(name, f"service.{policy}", "Cluster").strip("`")
