"""Refusals about adding and removing the traffic router of a canary.

Under a router, users do not go through the Service that a strategy migration switches. So a router is configured after
the migration to a canary, and removed before the migration to two colours.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.kubernetes import ISTIO
from switchyard.config.models.service import CanarySettings, ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting, without
from switchyard.kube.ingresses import Rule
from switchyard.kube.selectors import serving_track
from switchyard.manifests.canary import root_service
from switchyard.manifests.labels import canary_name, object_labels, stable_name
from switchyard.manifests.weights import ACTIONS, BY_ANNOTATION


def refuse_early_router(name: str, service: CanarySettings, selected: Mapping[str, str] | None) -> Refusal | None:
    """Refuses a router before the migration: it would send users to Services that have no pods yet."""
    serving = serving_track(name, selected)
    if selected is None or serving is Track.ROLLOUT:
        return None
    return Refusal(
        code=Code.ROUTER_BEFORE_ROLLOUT,
        step=f"{key_of(name)}: traffic {service.canary.traffic}",
        observed=f"{serving or 'another selector'} serves, not the Rollout",
        rule="a router sets the shares of a Rollout that serves",
        remedy=(
            f"No route was changed. Migrate first, with {setting(name, 'canary.traffic', 'replicas')} and "
            f"`{typed('pulumi up')}`; then run {setting(name, 'canary.traffic', service.canary.traffic)}."
        ),
    )


def refuse_ingress(name: str, service: CanarySettings, rules: Iterable[Rule], *, exists: bool) -> Refusal | None:
    """Refuses weights for an Ingress that does not exist, or that has no rule for the service."""
    ingress, root = service.canary.alb.ingress, root_service(name, service)
    services = sorted({rule.service for rule in rules if rule.ingress == ingress})
    if root in services:
        return None
    actual = f"has rules for {', '.join(services) or 'no Service'}" if exists else "does not exist"
    return Refusal(
        code=Code.INGRESS_WITHOUT_RULE,
        step=f"{key_of(name)}: traffic alb",
        observed=f"Ingress {ingress} in namespace {service.namespace} {actual}",
        rule=f"it must have a rule for Service {root}, whose weights the controller sets",
        remedy=(
            f"No route was changed. See: kubectl -n {service.namespace} get ingress; name another Ingress in "
            f"services.{key_of(name)}.canary.alb.ingress, or the Service of its rule"
            + (f": {setting(name, 'canary.alb.rootService', services[0])}." if services else ".")
        ),
    )


def warn_without_weights(name: str, service: CanarySettings, rules: Iterable[Rule]) -> str | None:
    """Warns when the load balancer does not use the weights yet."""
    ingress, root = service.canary.alb.ingress, root_service(name, service)
    if any(rule.by_weights for rule in rules if (rule.ingress, rule.service) == (ingress, root)):
        return None
    return notice(
        Code.INGRESS_WITHOUT_WEIGHTS,
        key_of(name),
        f"Ingress {ingress} sends requests to Service {root} itself, and not by the weights of the canary",
        f"When its annotation {ACTIONS}{root} exists, set the port of its backend to {BY_ANNOTATION}.",
    )


def refuse_no_istio(name: str, *, installed: bool) -> Refusal | None:
    """Refuses a route of a mesh on a cluster without Istio."""
    if installed:
        return None
    return Refusal(
        code=Code.ISTIO_MISSING,
        step=f"{key_of(name)}: traffic istio",
        observed=f"the cluster has no Istio (no kind VirtualService of {ISTIO})",
        rule="Istio must be installed first",
        remedy=f"No route was changed. Install it, or: {setting(name, 'canary.traffic', 'replicas')}",
    )


def router_of(rollout: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The router of a Rollout on the cluster, as Argo Rollouts has it; empty without one."""
    canary = (rollout or {}).get("spec", {}).get("strategy", {}).get("canary", {})
    routing: Mapping[str, Any] = canary.get("trafficRouting") or {}
    return routing


def former_ingress_of(name: str, service: CanarySettings, router: Mapping[str, Any]) -> str | None:
    """Name of the Ingress whose weights the controller would not set any more; None if there is none."""
    alb = router.get("alb")
    if alb is None:
        return None
    wanted = (service.canary.alb.ingress, root_service(name, service)) if service.canary.traffic == "alb" else None
    return None if (alb["ingress"], alb.get("rootService")) == wanted else str(alb["ingress"])


def refuse_still_weighted(name: str, service: ServiceSettings, rules: Iterable[Rule]) -> Refusal | None:
    """Refuses to stop setting the weights of an Ingress while its load balancer uses them."""
    versions = (stable_name(name), canary_name(name))
    for rule in rules:
        if rule.by_weights and any(f'"{version}"' in rule.weights for version in versions):
            return Refusal(
                code=Code.INGRESS_STILL_WEIGHTED,
                step=f"{key_of(name)}: the release of Ingress {rule.ingress} from the canary",
                observed=f"it sends requests by the weights of Services {' and '.join(versions)}",
                rule="without the controller these weights would never change, and a new version would get no requests",
                remedy=(
                    f"No route was changed. Change its rule for {rule.service} to Service {name}, port http, "
                    f"instead of {BY_ANNOTATION}: kubectl -n {service.namespace} edit ingress {rule.ingress}"
                ),
            )
    return None


def refuse_routed(name: str, to: Track, rollout: Mapping[str, Any] | None) -> Refusal | None:
    """Refuses a migration while a router sends the users past the Service that it would switch."""
    routing = router_of(rollout)
    if not routing:
        return None
    return Refusal(
        code=Code.ROUTER_STILL_ROUTES,
        step=f"{key_of(name)}: the strategy migration to {to}",
        observed=(
            f"the traffic of the Rollout is routed by {', '.join(key for key in routing if key != 'managedRoutes')}"
        ),
        rule=f"a migration switches Service {name}, so users must go through it first",
        remedy=(
            f"The Service was not changed. First run {setting(name, 'strategy', 'canary')} and "
            f"{setting(name, 'canary.traffic', 'replicas')}, `{typed('pulumi up')}`; then migrate."
        ),
    )


def refuse_still_routed(name: str, service: ServiceSettings, route: Mapping[str, Any] | None) -> Refusal | None:
    """Refuses to delete a VirtualService to which a gateway routes."""
    gateways = sorted(set((route or {}).get("spec", {}).get("gateways", ())) - {"mesh"})
    if not gateways:
        return None
    return Refusal(
        code=Code.GATEWAY_STILL_ROUTES,
        step=f"{key_of(name)}: the deletion of VirtualService {name}",
        observed=f"{', '.join(gateways)} routes requests to it",
        rule="it is deleted with `traffic: istio`, and requests from the gateway would have no route",
        remedy=(
            f"No route was changed. Create a VirtualService of your own for these hosts that routes to Service {name}, "
            f"port {service.exposed_port}; then run {without(name, 'canary.istio.gateways')}, "
            f"`{typed('pulumi up')}`, and change the traffic afterwards."
        ),
    )


def refuse_other_route_port(name: str, service: CanarySettings, route: Mapping[str, Any] | None) -> Refusal | None:
    """Refuses another port for Services to which a VirtualService of the stack routes by their present port.

    The settings refuse one under `traffic: istio`. An update that ends the traffic by the mesh as well would change the
    Services first, and delete the VirtualService at its end.
    """
    versions = {stable_name(name), canary_name(name)}
    if route is None or not object_labels(name).items() <= (route["metadata"].get("labels") or {}).items():
        return None
    entries = [entry for http in route["spec"].get("http") or () for entry in http.get("route") or ()]
    targets = [entry["destination"] for entry in entries]
    ports = {target.get("port", {}).get("number") for target in targets if target["host"] in versions}
    others = sorted(ports - {None, service.exposed_port})
    if not others:
        return None
    return Refusal(
        code=Code.PORT_CHANGED_UNDER_ROLLOUT,
        step=f"{key_of(name)}: a change of the port of its Services to {service.exposed_port}",
        observed=(
            f"VirtualService {name} routes to port {', '.join(map(str, others))} of Services "
            f"{' and '.join(sorted(versions))}"
        ),
        rule="the routes are deleted after the Services are changed, and would target a port that no Service has",
        remedy=(
            "No Service was changed. Set the port back, and first run "
            f"{setting(name, 'canary.traffic', 'replicas')}, `{typed('pulumi up')}`. Then change the port."
        ),
    )


def refuse_foreign_route(name: str, service: ServiceSettings, route: Mapping[str, Any] | None) -> Refusal | None:
    """Refuses to adopt a VirtualService that somebody else created."""
    labels = (route or {}).get("metadata", {}).get("labels", {})
    if route is None or object_labels(name).items() <= labels.items():
        return None
    return Refusal(
        code=Code.VIRTUAL_SERVICE_OF_ANOTHER_OWNER,
        step=f"{key_of(name)}: traffic istio",
        observed=f"namespace {service.namespace} already has a VirtualService {name}",
        rule="a VirtualService that this stack did not create is not adopted",
        remedy="The VirtualService was not changed. Rename it, or the service.",
    )
