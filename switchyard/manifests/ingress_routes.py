"""Assigns the routes of a load balancer that several services share to Ingresses."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, product

from switchyard.config.models.load_balancer import LoadBalancerRoute

ANY_HOST, ONE_HOST = 900, 400
"""Orders of the widest routes: an Ingress takes prefixes of 126 characters, which have 63 parts."""


@dataclass(frozen=True)
class RoutePart:
    """The routes of the load balancer that one Ingress has.

    Attributes:
        name: name of the Ingress.
        service: the key of the service that it routes to.
        order: order of its rules among those of the others; the smallest is evaluated first.
        routes: routes of the Ingress, the most specific first.
    """

    name: str
    service: str
    order: int
    routes: tuple[LoadBalancerRoute, ...]


def parts(routes: Iterable[LoadBalancerRoute]) -> list[RoutePart]:
    """One Ingress a service, in an order in which the closest route of a request wins.

    The controller puts paths in order within an Ingress, and not across Ingresses. Where a route of another service
    lies between two of one service (``/api/v1``, ``/api`` and ``/``), the closer of them gets a second Ingress.

    The order is that of the widest route, whatever other services have: one that comes or goes moves no other. If it
    splits an Ingress, the closer routes are on the second one before anything else changes (`earlier`). If two become
    one, the second is deleted at the end. So each route has its rule all the time; only one that moves back to the
    wider of two Ingresses that both stay is without, for as long as the controller takes.
    """
    ordered = sorted(routes, key=_order)
    parts_of_services: list[RoutePart] = []
    for service in dict.fromkeys(route.service for route in ordered):
        remaining = [route for route in ordered if route.service == service]
        others = [route for route in ordered if route.service != service]
        for number in count(1):
            if not remaining:
                break
            own = tuple(route for route in remaining if not _hidden(route, _order(remaining[-1]), others))
            # A service's key has no dot, so that no other service's Ingress has this one's name.
            name = service if number == 1 else f"{service}.{number}"
            parts_of_services.append(RoutePart(name, service, _order(remaining[-1]), own))
            remaining = [route for route in remaining if route not in own]
    return sorted(parts_of_services, key=lambda part: (part.order, part.name))


def earlier(part: RoutePart, every: Iterable[RoutePart]) -> list[str]:
    """Names of the Ingresses that are written before one: closer ones that take some of the same requests."""
    return [
        other.name
        for other in every
        if other.order < part.order
        and (other.service == part.service or any(_overlap(*both) for both in product(other.routes, part.routes)))
    ]


def _order(route: LoadBalancerRoute) -> int:
    """The order of a route: smaller for a more specific one, with a host first and then by the longer path."""
    return (ANY_HOST if route.host is None else ONE_HOST) - len(_elements(route.path))


def _hidden(route: LoadBalancerRoute, order: int, others: Iterable[LoadBalancerRoute]) -> bool:
    """Whether with this order a route would come after a wider route of another service."""
    return any(_order(route) < _order(other) <= order and _overlap(route, other) for other in others)


def _overlap(route: LoadBalancerRoute, other: LoadBalancerRoute) -> bool:
    """Whether some request matches both routes."""
    if None not in (route.host, other.host) and route.host != other.host:
        return False
    shorter, longer = sorted((_elements(route.path), _elements(other.path)), key=len)
    return longer[: len(shorter)] == shorter


def _elements(path: str) -> list[str]:
    """Parts of a path between slashes, which make up a prefix in Kubernetes: /api is no prefix of /apis."""
    return [element for element in path.split("/") if element]
