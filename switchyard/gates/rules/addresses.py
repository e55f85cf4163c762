"""Warns of addresses at which a Service stops answering with an update."""

from collections.abc import Iterator, Mapping
from typing import Any

from switchyard.codes import Code
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import notice
from switchyard.gates.runbook import section
from switchyard.manifests.pods import Manifest


def lost_addresses(name: str, old: Mapping[str, Any], new: Manifest) -> str | None:
    """Warns of the addresses at which a Service no longer answers after its next write; None if it keeps them all.

    A port without a `nodePort` keeps the one that Kubernetes has given it.

    Args:
        name: the name of the service.
        old: the Service as the state has it, with what Kubernetes has chosen.
        new: the manifest that will be written.
    """
    lost = list(_lost(name, old.get("spec") or {}, new["spec"]))
    if not lost:
        return None
    return notice(
        Code.ADDRESS_LOST,
        key_of(name),
        f"Service {name} will no longer answer at {', '.join(lost)}",
        "Clients that still use it, such as a load balancer with this target, fail from this update on. To move them "
        f"first, run the service twice for a while: see {section('Rename a service')}.",
    )


def _lost(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    ports = {port.get("name"): port for port in new["ports"]}
    for old_port in old.get("ports") or ():
        new_port = ports.get(old_port.get("name"))
        address = f"{name}:{int(old_port['port'])} in the cluster"
        if new_port is None:
            yield address
        elif new_port["port"] != old_port["port"]:
            yield f"{address} (it becomes {name}:{new_port['port']})"
        if not (node_port := int(old_port.get("nodePort") or 0)):
            continue
        if new_port is None or new.get("type") == "ClusterIP":
            yield f"node port {node_port}"
        elif new_port.get("nodePort", node_port) != node_port:
            yield f"node port {node_port} (it becomes {new_port['nodePort']})"
