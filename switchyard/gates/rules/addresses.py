"""Warns of addresses at which a Service or the load balancer stops answering, and of clients that it shuts out."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any
from urllib.parse import urlsplit

from switchyard.codes import Code
from switchyard.config.commands import below
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.service_name import key_of
from switchyard.config.validation.services import SERVICES
from switchyard.gates.rules.refusal import notice
from switchyard.gates.runbook import section
from switchyard.manifests.pods import Manifest
from switchyard.manifests.urls import service_hosts

Network = IPv4Network | IPv6Network

MESH = "mesh"
"""The gateway of a VirtualService that stands for all sidecars."""

TCP = "TCP"
"""The protocol of a port that names none."""

EVERYWHERE = {"IPv4": "0.0.0.0/0", "IPv6": "::/0"}
"""All addresses of a family."""


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


def lost_hosts(name: str, old: Mapping[str, Any], new: Manifest) -> str | None:
    """Warns of hosts and gateways for which a VirtualService no longer routes; None if it keeps them all.

    Without gateways it routes inside the mesh.

    Args:
        name: the name of the service.
        old: the VirtualService as the state has it.
        new: the manifest that will be written.
    """
    before, after = old.get("spec") or {}, new["spec"]
    gateways, namespace = after.get("gateways") or [MESH], (old.get("metadata") or {}).get("namespace")
    hosts = [_full(item, namespace) for item in after["hosts"]]
    lost = [
        *(
            f"host {host}"
            for host in before.get("hosts") or ()
            if not any(_matches(item, _full(host, namespace)) for item in hosts)
        ),
        *(f"gateway {item}" for item in (before.get("gateways") or [MESH]) if before and item not in gateways),
    ]
    if not lost:
        return None
    return notice(
        Code.ADDRESS_LOST,
        key_of(name),
        f"VirtualService {name} will no longer route requests of {', '.join(lost)}",
        "Unless another VirtualService routes them, clients fail from this update on, and those inside the mesh go to "
        "the Service without the weights. Add the new hosts and gateways first, and remove the old ones once no client "
        "uses them.",
    )


def _full(host: str, namespace: str | None) -> str:
    """A host of a VirtualService as Istio reads it: one without a dot is a Service in the same namespace."""
    return host if "." in host or "*" in host or not namespace else service_hosts(host, namespace)[-1]


def _matches(pattern: str, host: str) -> bool:
    """Whether a host of a VirtualService, which may begin with a wildcard, includes another one."""
    return pattern == host or (pattern.startswith("*") and host.endswith(pattern[1:]))


def lost_networks(about: str, before: Iterable[str], now: Iterable[str]) -> str | None:
    """Warns of CIDR blocks from which something can no longer be reached; None if it keeps them all.

    Args:
        about: path of the setting with the blocks.
        before: the blocks after the last update.
        now: the blocks of the configuration.
    """
    remaining = _collapsed(now)
    # Kubernetes also accepts spaces around a block, and an address inside of it.
    blocks = dict.fromkeys(str(ip_network(block.strip(), strict=False)) for block in before)
    lost = [block for block in blocks if not any(_includes(other, ip_network(block)) for other in remaining)]
    if not lost:
        return None
    return notice(
        Code.ACCESS_NARROWED,
        about,
        f"{', '.join(lost)} will no longer have access, and what remains is {', '.join(map(str, remaining)) or 'none'}",
        "Clients at other addresses are cut off with this update. To keep them, put the CIDR blocks back.",
    )


def lost_sources(name: str, old: Mapping[str, Any], new: Manifest) -> str | None:
    """Warns of CIDR ranges from which a Service of type LoadBalancer can no longer be reached.

    Without ranges it can be reached from every address.

    Args:
        name: the name of the service.
        old: the Service as the state has it.
        new: the manifest that will be written.
    """
    before, ranges = old.get("spec") or {}, new["spec"].get("loadBalancerSourceRanges")
    if not ranges or not before.get("type") == new["spec"]["type"] == "LoadBalancer":
        return None
    everywhere = [EVERYWHERE[family] for family in before.get("ipFamilies") or ("IPv4",)]
    about = f"{below(SERVICES, key_of(name))}.service.loadBalancerSourceRanges"
    return lost_networks(about, before.get("loadBalancerSourceRanges") or everywhere, ranges)


def _collapsed(blocks: Iterable[str]) -> list[Network]:
    """The fewest CIDR blocks with the same addresses."""
    networks = list(map(ip_network, blocks))
    return [
        *collapse_addresses(block for block in networks if isinstance(block, IPv4Network)),
        *collapse_addresses(block for block in networks if isinstance(block, IPv6Network)),
    ]


def _includes(block: Network, other: Network) -> bool:
    if isinstance(block, IPv4Network):
        return isinstance(other, IPv4Network) and other.subnet_of(block)
    return isinstance(other, IPv6Network) and other.subnet_of(block)


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
    for old_port in old.get("ports") or ():
        yield from _lost_of_port(name, old_port, new)


def _lost_of_port(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What a client of one port loses. It is the same port with the same number, or else with the same name.

    An apply merges the ports by number and protocol, so that one under another name keeps its node port. One with
    another number keeps the node port of its name.
    """
    same_number = next((port for port in new["ports"] if _number(port) == _number(old)), None)
    same_name = next((port for port in new["ports"] if port.get("name") == old.get("name")), None)
    if same_number is None:
        became = "" if same_name is None else f" (it becomes {_address(name, same_name)})"
        yield f"{_address(name, old)} in the cluster{became}"
    elif same_number is not same_name and old.get("name"):
        yield f"port {old['name']} by its name, which an Ingress may have (it becomes {same_number['name']})"
    if not (node_port := int(old.get("nodePort") or 0)):
        return
    successor = same_number or same_name
    if successor is None or new.get("type") == "ClusterIP":
        yield f"node port {node_port}"
    elif successor.get("nodePort", node_port) != node_port:
        yield f"node port {node_port} (it becomes {int(successor['nodePort'])})"


def _address(name: str, port: Mapping[str, Any]) -> str:
    number, protocol = _number(port)
    return f"{name}:{number}{'' if protocol == TCP else f'/{protocol}'}"


def _number(port: Mapping[str, Any]) -> tuple[int, str]:
    return int(port["port"]), str(port.get("protocol") or TCP)
