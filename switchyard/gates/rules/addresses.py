"""Warns of addresses at which a Service or the load balancer stops answering with an update."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from switchyard.codes import Code
from switchyard.config.models.cluster import CLUSTER
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


def lost_urls(
    before: Mapping[str, Collection[str]], now: Mapping[str, Collection[str]], hostname: str = ""
) -> str | None:
    """Warns of URLs at which the load balancer no longer reaches a service; None if it keeps them all.

    A URL is kept by a route to any service with the same host, or with every host, and a path that includes the former
    one; and by a certificate, with which port 80 redirects to 443.

    Args:
        before: the URLs after the last update, by the key of their service.
        now: the URLs of the configuration, by the key of their service.
        hostname: name of the load balancer, which is the host in the URL of a route for every host.
    """
    urls = [url for listed in now.values() for url in listed]
    if any(not urlsplit(url).netloc for url in urls):
        return None  # the name of the load balancer is not known at the moment
    known = (url for listed in before.values() for url in listed if urlsplit(url).netloc)
    lost = sorted(url for url in known if not any(_covers(new, url, hostname) for new in urls))
    if not lost:
        return None
    return notice(
        Code.ADDRESS_LOST,
        f"{CLUSTER}.loadBalancer",
        f"the load balancer will no longer reach a service at {', '.join(lost)}",
        "Clients that still use it fail from this update on. Add the new routes and the new certificate first, and "
        "remove the old ones once no client uses them.",
    )


def _covers(new: str, old: str, hostname: str) -> bool:
    """Whether requests to an old URL are answered by the route of a new one."""
    after, before = urlsplit(new), urlsplit(old)
    prefix = after.path.removesuffix("/")
    answers = before.path == after.path or f"{before.path.removesuffix('/')}/".startswith(f"{prefix}/")
    return answers and after.netloc in {before.netloc, hostname} and after.scheme in {before.scheme, "https"}


def _lost(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old.get("type") == "LoadBalancer" != new.get("type"):
        yield "its load balancer"
    places = {"internalTrafficPolicy": f"{name} in the cluster"}
    if any(port.get("nodePort") for port in old.get("ports") or ()):
        places["externalTrafficPolicy"] = f"node ports of {name}"
    for policy, place in places.items():
        if old and new.get(policy) == "Local" != old.get(policy):
            yield f"{place}, on nodes without one of its pods"
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
