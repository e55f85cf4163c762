"""Whether a traffic router may take the shares over, or give them back: what was seen goes in, a refusal comes out.

Under a router the users do not come by way of the Service that a hand-over switches. So a router is taken after the
hand-over to a canary, and given back before the one to the colours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gate.decisions import Refusal
from render.canary import root_service
from render.labels import canary_name, stable_name
from settings.service import CanarySettings, ServiceSettings, Track

ACTIONS = "alb.ingress.kubernetes.io/actions."
"""Prefix of the annotations in which an Ingress has weights, before the name that its rules give."""

BY_ANNOTATION = "use-annotation"
"""Port of a rule that sends the requests by such weights."""


@dataclass(frozen=True)
class Rule:
    """One rule of an Ingress.

    Attributes:
        ingress: its name.
        service: the Service, or the action, that it leads to.
        by_weights: whether it goes by the weights of an annotation.
        weights: that annotation; empty without one.
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


def refuse_early_router(name: str, service: CanarySettings, serving: Track | None) -> Refusal:
    """Refuses a router before the hand-over: it would send users to Services that have no pods yet."""
    return Refusal(
        step=f"{name}: traffic {service.canary.traffic}",
        found=f"{serving or 'another selector'} serves, not the Rollout",
        rule="a router takes the shares over from a Rollout that serves",
        remedy=(
            f"Nothing was changed. Hand over first, with services.{name}.canary.traffic replicas and `pulumi up`; "
            "then set it."
        ),
    )


def refuse_ingress(name: str, service: CanarySettings, rules: Iterable[Rule], *, exists: bool) -> Refusal | None:
    """Refuses weights for an Ingress that is not there, or that does not lead to the service."""
    ingress, root = service.canary.alb.ingress, root_service(name, service)
    leads = sorted({rule.service for rule in rules if rule.ingress == ingress})
    if root in leads:
        return None
    found = f"has rules for {', '.join(leads) or 'no Service'}" if exists else "is not there"
    return Refusal(
        step=f"{name}: traffic alb",
        found=f"Ingress {ingress} in namespace {service.namespace} {found}",
        rule=f"it must have a rule for Service {root}, whose weights the controller sets",
        remedy=(
            f"Nothing was changed. See: kubectl -n {service.namespace} get ingress; name another in "
            f"services.{name}.canary.alb.ingress or its rule in services.{name}.canary.alb.rootService."
        ),
    )


def warn_without_weights(name: str, service: CanarySettings, rules: Iterable[Rule]) -> str | None:
    """Says that the load balancer does not go by the weights yet."""
    ingress, root = service.canary.alb.ingress, root_service(name, service)
    if any(rule.by_weights for rule in rules if (rule.ingress, rule.service) == (ingress, root)):
        return None
    return (
        f"{name}: Ingress {ingress} sends requests to Service {root} itself, and not by the weights of the canary. "
        f"When its annotation {ACTIONS}{root} is there, name its port {BY_ANNOTATION}."
    )


def refuse_no_istio(name: str) -> Refusal:
    """Refuses a route of a mesh that is not there."""
    return Refusal(
        step=f"{name}: traffic istio",
        found="the cluster has no Istio (no kind VirtualService of networking.istio.io/v1)",
        rule="the mesh belongs to whoever runs the cluster, and must be there first",
        remedy=f"Nothing was changed. Install it, or set services.{name}.canary.traffic to replicas.",
    )


def refuse_still_weighted(name: str, service: ServiceSettings, rules: Iterable[Rule]) -> Refusal | None:
    """Refuses to give the shares back to the pods while a load balancer goes by weights of the versions."""
    versions = (stable_name(name), canary_name(name))
    for rule in rules:
        if rule.by_weights and any(f'"{version}"' in rule.weights for version in versions):
            return Refusal(
                step=f"{name}: traffic replicas",
                found=f"Ingress {rule.ingress} sends requests by weights of Services {' and '.join(versions)}",
                rule="without the controller these weights stay as they are, and a new version would get no request",
                remedy=(
                    f"Nothing was changed. Let its rule for {rule.service} lead to Service {name}, port http, "
                    f"instead of {BY_ANNOTATION}: kubectl -n {service.namespace} edit ingress {rule.ingress}"
                ),
            )
    return None


def refuse_routed(name: str, to: Track, rollout: Mapping[str, Any] | None) -> Refusal | None:
    """Refuses a hand-over while a router sends the users past the Service that it would switch."""
    routing = (rollout or {}).get("spec", {}).get("strategy", {}).get("canary", {}).get("trafficRouting")
    if not routing:
        return None
    return Refusal(
        step=f"{name}: the hand-over to {to}",
        found=f"the Rollout has its traffic by {', '.join(key for key in routing if key != 'managedRoutes')}",
        rule=f"users come by way of Service {name} before it is switched",
        remedy=(
            f"Nothing was changed. First set services.{name}.strategy to canary and canary.traffic to replicas, "
            "`pulumi up`; then hand over."
        ),
    )
