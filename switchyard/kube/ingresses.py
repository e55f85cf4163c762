"""The rules of Ingresses, and the weights in their annotations."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from switchyard.config.models.service import Colour
from switchyard.manifests.labels import colour_name
from switchyard.manifests.weights import ACTIONS, BY_ANNOTATION, WHOLE


@dataclass(frozen=True)
class Rule:
    """One rule of an Ingress.

    Attributes:
        ingress: name of the Ingress.
        service: the Service, or the action, that it routes to.
        by_weights: whether it uses the weights of an annotation.
        weights: the annotation with the weights; empty without one.
    """

    ingress: str
    service: str
    by_weights: bool
    weights: str


def rules_of(ingresses: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """The rules of Ingresses, their default backends included."""
    rules = []
    for ingress in ingresses:
        name, annotations = ingress["metadata"]["name"], ingress["metadata"].get("annotations", {})
        paths = [path for rule in ingress["spec"].get("rules", ()) for path in rule.get("http", {}).get("paths", ())]
        backends = [ingress["spec"].get("defaultBackend", {}), *(path["backend"] for path in paths)]
        for backend in (backend["service"] for backend in backends if "service" in backend):
            by_weights = backend.get("port", {}).get("name") == BY_ANNOTATION
            rules.append(Rule(name, backend["name"], by_weights, annotations.get(f"{ACTIONS}{backend['name']}", "")))
    return rules


@dataclass(frozen=True)
class IngressRoute:
    """How an Ingress routes requests to a service.

    Attributes:
        ingress: name of the Ingress.
        by_weights: whether it uses the weights of an annotation.
        weights: the weight of each Service that has a target group.
    """

    ingress: str
    by_weights: bool
    weights: Mapping[str, int]

    @property
    def targets(self) -> frozenset[str]:
        """The Services that get requests."""
        return receivers(self.weights)


def targets_of(routes: Iterable[IngressRoute]) -> frozenset[str]:
    """The Services that get requests by any of these routes."""
    return frozenset(service for route in routes for service in route.targets)


def hostnames(ingresses: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Names of the load balancers that Ingresses have; the controller writes them into their status."""
    addresses = (ingress.get("status", {}).get("loadBalancer", {}).get("ingress") or () for ingress in ingresses)
    return frozenset(address["hostname"] for listed in addresses for address in listed if address.get("hostname"))


def receivers(weights: Mapping[str, int]) -> frozenset[str]:
    """The Services whose weight is above zero, so that they get requests."""
    return frozenset(service for service, weight in weights.items() if weight > 0)


def routes_to(
    name: str, ingresses: Iterable[Mapping[str, Any]], names: Collection[str] | None = None
) -> list[IngressRoute]:
    """How the Ingresses of a namespace route requests to a service, one route for each Ingress that does.

    Args:
        name: the service's name.
        ingresses: all Ingresses of the namespace.
        names: names of the Ingresses that count; None for all.
    """
    rules = {rule.ingress: rule for rule in rules_of(ingresses) if rule.service == name}
    return [_route(rule) for rule in rules.values() if names is None or rule.ingress in names]


def names_colours(name: str, ingresses: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an Ingress asks for target groups of a service's colours, whatever their weights are."""
    colours = {colour_name(name, colour) for colour in Colour}
    return any(route.by_weights and colours & route.weights.keys() for route in routes_to(name, ingresses))


def _route(rule: Rule) -> IngressRoute:
    if not rule.by_weights:
        return IngressRoute(rule.ingress, by_weights=False, weights={rule.service: WHOLE})
    try:
        groups = json.loads(rule.weights)["forwardConfig"]["targetGroups"]
        weights = {group["serviceName"]: int(group.get("weight", 1)) for group in groups if "serviceName" in group}
    except (ValueError, LookupError, TypeError, AttributeError):
        weights = {}  # somebody's own, which the controller may not understand either
    return IngressRoute(rule.ingress, by_weights=True, weights=weights)
