"""Fields of a Service that stay as they are when it is adopted, because an apply leaves what it does not name."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from switchyard.codes import Code
from switchyard.config.models.service import ServiceSettings
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting
from switchyard.kube.selectors import labels_text

UNREADY = "publishNotReadyAddresses"
"""The field by which a Service sends requests to pods before they are ready."""

MEANINGS = {
    "externalTrafficPolicy": "from outside, a node answers by the pods on it alone",
    "internalTrafficPolicy": "clients in the cluster reach the pods on their own node alone",
    "sessionAffinity": "a client stays with one pod while that is an endpoint",
    UNREADY: "pods get requests before they are ready",
    "externalIPs": "requests to these addresses reach it as well",
    "loadBalancerSourceRanges": "its load balancer answers no other address",
    "trafficDistribution": "clients prefer pods that are near them, which may then get most of the requests",
}
"""What each field means when it has another value than its default."""

DEFAULTS = {"externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None"}
"""Values of fields that a Service always has. Each has a setting under `service`; the other fields have none."""


def refuse_unready_addresses(name: str, service: ServiceSettings, live: Mapping[str, Any]) -> Refusal | None:
    """Refuses to adopt a Service that sends requests to pods before they are ready.

    Its EndpointSlices report such pods as ready, so that no gate could tell whether they are.

    Args:
        name: the service's name.
        service: settings of the service.
        live: specification of the Service on the cluster.
    """
    if not live.get(UNREADY):
        return None
    return Refusal(
        code=Code.ADOPTED_SERVICE_HAS_UNREADY_PODS,
        step=f"{key_of(name)}: adopting Service {name}",
        observed=f"it has {UNREADY}: true",
        rule="users would reach pods of the new version before they are ready, and the gates would count them as ready",
        remedy=(
            f"The Service was not changed. If its pods are ready (`kubectl -n {service.namespace} get pods -l "
            f"{labels_text(live.get('selector'))}`), run `{_patch(name, service.namespace, {UNREADY: False})}`. "
            "If pods find each other by the field, it belongs to a Service of your own with another name."
        ),
    )


def kept_fields(name: str, namespace: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Warns of fields of an adopted Service with another value than their default, which the next write leaves.

    Args:
        name: the service's name.
        namespace: namespace of the Service.
        old: the Service, as the API server has it.
        new: the manifest that will be written.
    """
    before, after = old.get("spec") or {}, new["spec"]
    fields = {
        field: before[field]
        for field in MEANINGS
        if before.get(field)
        and before[field] != DEFAULTS.get(field)
        and field not in after
        # The API server removes a field of a type that the Service no longer has.
        and not (field == "externalTrafficPolicy" and after.get("type") == "ClusterIP")
        and not (field == "loadBalancerSourceRanges" and after.get("type") != "LoadBalancer")
    }
    if not fields:
        return None
    kept = "; ".join(f"{field} {_shown(value)} ({MEANINGS[field]})" for field, value in fields.items())
    commands = [setting(name, f"service.{field}", DEFAULTS[field]) for field in fields if field in DEFAULTS]
    if others := {field: None for field in fields if field not in DEFAULTS}:
        commands.append(f"`{_patch(name, namespace, others)}`")
    return notice(
        Code.ADOPTED_FIELDS_STAY,
        key_of(name),
        f"Service {name} is adopted, and keeps what the settings do not name: {kept}",
        f"To have Kubernetes' default instead: {', and '.join(commands)}",
    )


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _patch(name: str, namespace: str, fields: Mapping[str, object]) -> str:
    patch = shlex.quote(json.dumps({"spec": fields}))
    return f"kubectl -n {namespace} patch service {name} --type=merge -p {patch}"
