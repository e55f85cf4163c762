"""Whether a traffic router may take the shares over, or give them back: what was seen goes in, a refusal comes out.

Under a router the users do not come by route of the Service that a hand-over switches. So a router is taken after the
hand-over to a canary, and given back before the one to the colours.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from switchyard.config.models.service import CanarySettings, ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.remedies import setting, without
from switchyard.kube.ingresses import Rule
from switchyard.manifests.canary import root_service
from switchyard.manifests.labels import canary_name, object_labels, stable_name
from switchyard.manifests.weights import ACTIONS, BY_ANNOTATION


def refuse_early_router(name: str, service: CanarySettings, serving: Track | None) -> Refusal:
    """Refuses a router before the hand-over: it would send users to Services that have no pods yet."""
    return Refusal(
        step=f"{key_of(name)}: traffic {service.canary.traffic}",
        found=f"{serving or 'another selector'} serves, not the Rollout",
        rule="a router takes the shares over from a Rollout that serves",
        remedy=(
            f"This step was not taken. Hand over first, with {setting(name, 'canary.traffic', 'replicas')} and "
            f"`pulumi up`; then run {setting(name, 'canary.traffic', service.canary.traffic)}."
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
        step=f"{key_of(name)}: traffic alb",
        found=f"Ingress {ingress} in namespace {service.namespace} {found}",
        rule=f"it must have a rule for Service {root}, whose weights the controller sets",
        remedy=(
            f"This step was not taken. See: kubectl -n {service.namespace} get ingress; name another in "
            f"services.{key_of(name)}.canary.alb.ingress, or the Service of its rule"
            + (f": {setting(name, 'canary.alb.rootService', leads[0])}." if leads else ".")
        ),
    )


def warn_without_weights(name: str, service: CanarySettings, rules: Iterable[Rule]) -> str | None:
    """Says that the load balancer does not go by the weights yet."""
    ingress, root = service.canary.alb.ingress, root_service(name, service)
    if any(rule.by_weights for rule in rules if (rule.ingress, rule.service) == (ingress, root)):
        return None
    return (
        f"{key_of(name)}: Ingress {ingress} sends requests to Service {root} itself, and not by the weights of the "
        f"canary. When its annotation {ACTIONS}{root} is there, name its port {BY_ANNOTATION}."
    )


def refuse_no_istio(name: str) -> Refusal:
    """Refuses a route of a mesh that is not there."""
    return Refusal(
        step=f"{key_of(name)}: traffic istio",
        found="the cluster has no Istio (no kind VirtualService of networking.istio.io/v1)",
        rule="the mesh belongs to whoever runs the cluster, and must be there first",
        remedy=f"This step was not taken. Install it, or: {setting(name, 'canary.traffic', 'replicas')}",
    )


def router_of(rollout: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The router of a Rollout on the cluster, as Argo Rollouts has it; empty without one."""
    canary = (rollout or {}).get("spec", {}).get("strategy", {}).get("canary", {})
    found: Mapping[str, Any] = canary.get("trafficRouting") or {}
    return found


def left_ingress(name: str, service: CanarySettings, router: Mapping[str, Any]) -> str | None:
    """Name of the Ingress whose weights the controller would not set any more; None if there is none."""
    alb = router.get("alb")
    if alb is None:
        return None
    wanted = (service.canary.alb.ingress, root_service(name, service)) if service.canary.traffic == "alb" else None
    return None if (alb["ingress"], alb.get("rootService")) == wanted else str(alb["ingress"])


def refuse_still_weighted(name: str, service: ServiceSettings, rules: Iterable[Rule]) -> Refusal | None:
    """Refuses to leave an Ingress while its load balancer goes by weights of the versions."""
    versions = (stable_name(name), canary_name(name))
    for rule in rules:
        if rule.by_weights and any(f'"{version}"' in rule.weights for version in versions):
            return Refusal(
                step=f"{key_of(name)}: to leave Ingress {rule.ingress}",
                found=f"it sends requests by weights of Services {' and '.join(versions)}",
                rule="without the controller these weights stay as they are, and a new version would get no request",
                remedy=(
                    f"This step was not taken. Let its rule for {rule.service} lead to Service {name}, port http, "
                    f"instead of {BY_ANNOTATION}: kubectl -n {service.namespace} edit ingress {rule.ingress}"
                ),
            )
    return None


def refuse_routed(name: str, to: Track, rollout: Mapping[str, Any] | None) -> Refusal | None:
    """Refuses a hand-over while a router sends the users past the Service that it would switch."""
    routing = router_of(rollout)
    if not routing:
        return None
    return Refusal(
        step=f"{key_of(name)}: the hand-over to {to}",
        found=f"the Rollout has its traffic by {', '.join(key for key in routing if key != 'managedRoutes')}",
        rule=f"users come by route of Service {name} before it is switched",
        remedy=(
            f"This step was not taken. First run {setting(name, 'strategy', 'canary')} and "
            f"{setting(name, 'canary.traffic', 'replicas')}, `pulumi up`; then hand over."
        ),
    )


def refuse_still_routed(name: str, service: ServiceSettings, route: Mapping[str, Any] | None) -> Refusal | None:
    """Refuses to take a VirtualService away by which users come from outside the mesh."""
    gateways = sorted(set((route or {}).get("spec", {}).get("gateways", ())) - {"mesh"})
    if not gateways:
        return None
    return Refusal(
        step=f"{key_of(name)}: to leave the mesh",
        found=f"users come through {', '.join(gateways)} by VirtualService {name}",
        rule="it goes with `traffic: istio`, and they would find no way",
        remedy=(
            f"This step was not taken. Make a VirtualService of your own for these hosts that leads to Service {name}, "
            f"port {service.port}; then run {without(name, 'canary.istio.gateways')}, `pulumi up`, and leave it then."
        ),
    )


def refuse_foreign_route(name: str, service: ServiceSettings, route: Mapping[str, Any] | None) -> Refusal | None:
    """Refuses to take over a VirtualService that somebody else made."""
    labels = (route or {}).get("metadata", {}).get("labels", {})
    if route is None or object_labels(name).items() <= labels.items():
        return None
    return Refusal(
        step=f"{key_of(name)}: traffic istio",
        found=f"namespace {service.namespace} has a VirtualService {name} already",
        rule="one that this stack did not make is not taken over",
        remedy="This step was not taken. Give it another name, or the service.",
    )


def refuse_other_port(name: str, service: ServiceSettings, ports: Collection[int]) -> Refusal | None:
    """Refuses another port while pods take traffic that listen on the one before."""
    if not ports or set(ports) == {service.port}:
        return None
    return Refusal(
        step=f"{key_of(name)}: a change of its port to {service.port}",
        found=f"Service {name} leads to port {', '.join(map(str, ports))} of the pods that serve",
        rule="under a Rollout its Services change before its pods do",
        remedy=(
            "This step was not taken. Go by route of two colours, whose switch changes both at once: "
            f"run {setting(name, 'strategy', 'blueGreen')}, `pulumi up`."
        ),
    )
