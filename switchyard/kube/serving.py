"""Which objects of a namespace take part in serving users, as pure functions.

They take what was read of the namespace, and return the reason why an object may not be deleted, or None.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from switchyard.config.kubernetes import INSTANCE, ROLLOUT_POD_TEMPLATE_HASH, SERVICE_OF_SLICE
from switchyard.kube.ingresses import routes_to, rules_of, targets_of
from switchyard.kube.object_names import ObjectName
from switchyard.kube.objects import endpoints_of
from switchyard.kube.pod_states import has_ended
from switchyard.manifests.labels import MANAGED

Objects = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class NamespaceView:
    """The objects of one namespace, as the API returned them."""

    services: Objects = ()
    slices: Objects = ()
    pods: Objects = ()
    ingresses: Objects = ()
    routes: Objects = ()
    """VirtualServices of Istio."""
    gateway_routes: Objects = ()
    """HTTPRoutes and GRPCRoutes of the Gateway API."""

    def ready_pods(self, service: str) -> frozenset[str]:
        """Names of the pods behind a Service that take traffic."""
        own = [item for item in self.slices if _labels(item).get(SERVICE_OF_SLICE) == service]
        return frozenset(endpoint.pod for endpoint in endpoints_of(own) if endpoint.ready)

    def selected_pods(self, service: str) -> frozenset[str]:
        """Names of the pods that a Service selects, ready or not, without those that end or have ended."""
        selectors = [item["spec"].get("selector") or {} for item in self.services if _name(item) == service]
        return frozenset(
            _name(pod)
            for pod in self.pods
            for selector in selectors
            if selector and selector.items() <= _labels(pod).items() and _continues(pod)
        )

    def pods_behind(self, service: str) -> frozenset[str]:
        """Names of the pods that answer users of a Service, or would after an outage."""
        return self.ready_pods(service) or self.selected_pods(service)


def users_services(view: NamespaceView) -> dict[str, str]:
    """The Services that users reach and that have pods, each with the reason as text.

    Pods that are not ready count: a service that is down for a moment is needed as much as one that answers.

    A Service is reached by its own name when it is the one that a service of this program gives its users, and
    otherwise when an Ingress, a VirtualService or a route of the Gateway API sends requests to it.
    """
    reasons = {}
    routed = _routed(view)
    for service in view.services:
        name = _name(service)
        if (pods_text := _counted(name, view)) is None:
            continue
        if _is_active(service):
            reasons[name] = f"Service {name} {pods_text}"
        elif name in routed:
            reasons[name] = f"{routed[name]} sends requests to Service {name}, which {pods_text}"
    return reasons


def service_serves(service: str, view: NamespaceView) -> str | None:
    """The reason why a service serves users; None if it does not.

    Args:
        service: name of the service, the label ``app`` of its objects.
        view: its namespace.
    """
    own = {_name(item) for item in view.services if _labels(item).get("app") == service or _name(item) == service}
    return next((reason for name, reason in users_services(view).items() if name in own), None)


def pods_of_others(view: NamespaceView, release: str) -> list[str]:
    """Names of the pods that run in the namespace of an add-on and that its Helm release did not create."""
    return sorted(_name(pod) for pod in view.pods if _continues(pod) and _labels(pod).get(INSTANCE) != release)


def object_serves(name: ObjectName, live: Mapping[str, Any], view: NamespaceView) -> str | None:
    """The reason why an object takes part in serving users; None if it does not.

    Args:
        name: name of the object.
        live: the object, as the API server has it.
        view: its namespace.
    """
    reasons = users_services(view)
    match name.kind:
        case "Service":
            return reasons.get(name.name)
        case "Deployment" | "Rollout" | "StatefulSet" | "ReplicaSet":
            return _workload_serves(live, view, reasons)
        case "PodDisruptionBudget":
            return _behind(_selected_pods(live, view), view, reasons)
        case "ServiceAccount":
            pods = {_name(pod) for pod in view.pods if pod["spec"].get("serviceAccountName") == name.name}
            return _behind(pods, view, reasons)
        case "ConfigMap" | "Secret" | "PersistentVolumeClaim":
            pods = {_name(pod) for pod in view.pods if _mounts(pod, name)}
            return _behind(pods, view, reasons)
        case _:
            return None


def _workload_serves(live: Mapping[str, Any], view: NamespaceView, reasons: Mapping[str, str]) -> str | None:
    if (reason := _behind(_selected_pods(live, view), view, reasons)) is not None:
        return reason
    labels = live["spec"].get("template", {}).get("metadata", {}).get("labels", {})
    for service in view.services:
        wanted = dict(service["spec"].get("selector") or {})
        if ROLLOUT_POD_TEMPLATE_HASH in wanted:
            continue  # one version of a Rollout, which its controller chose: its pods are what counts
        if wanted and _is_active(service) and wanted.items() <= labels.items() and "version" in wanted:
            return f"Service {_name(service)} selects its pods"
    return None


def _behind(pods: Iterable[str], view: NamespaceView, reasons: Mapping[str, str]) -> str | None:
    """The reason why one of these pods serves users; None if none does."""
    names = frozenset(pods)
    for service in reasons:
        if count := len(names & view.pods_behind(service)):
            return f"{count} of its pods {'is' if count == 1 else 'are'} behind Service {service}"
    return None


def _selected_pods(live: Mapping[str, Any], view: NamespaceView) -> frozenset[str]:
    labels = (live["spec"].get("selector") or {}).get("matchLabels") or {}
    return frozenset(_name(pod) for pod in view.pods if labels and labels.items() <= _labels(pod).items())


def _routed(view: NamespaceView) -> dict[str, str]:
    """The Services to which an Ingress or another router sends requests, each with that object."""
    routers: dict[str, str] = {}
    for ingress in view.ingresses:
        for backend in {rule.service for rule in rules_of([ingress])}:
            for target in targets_of(routes_to(backend, [ingress])):
                routers.setdefault(target, f"Ingress {_name(ingress)}")
    for route in view.routes:
        for http in route["spec"].get("http") or ():
            for entry in http.get("route") or ():
                if entry.get("weight", 100) > 0:
                    host = str(entry["destination"]["host"]).partition(".")[0]
                    routers.setdefault(host, f"VirtualService {_name(route)}")
    for route in view.gateway_routes:
        for backend in _backends(route):
            routers.setdefault(backend, f"Gateway API route {_name(route)}")
    return routers


def _backends(route: Mapping[str, Any]) -> Iterator[str]:
    """The Services of its namespace to which a route of the Gateway API sends requests."""
    for rule in route["spec"].get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            local = backend.get("namespace") in {None, route["metadata"].get("namespace")}
            if local and backend.get("kind", "Service") == "Service" and backend.get("weight", 1) > 0:
                yield backend["name"]


def _mounts(pod: Mapping[str, Any], name: ObjectName) -> bool:
    """Whether a pod reads a ConfigMap, a Secret or a claim, by a volume or in its environment."""
    keys = {"ConfigMap": ("configMap", "name"), "Secret": ("secret", "secretName")}
    volume_key, name_key = keys.get(name.kind, ("persistentVolumeClaim", "claimName"))
    if any(volume.get(volume_key, {}).get(name_key) == name.name for volume in pod["spec"].get("volumes") or ()):
        return True
    references = {"ConfigMap": ("configMapRef", "configMapKeyRef"), "Secret": ("secretRef", "secretKeyRef")}
    if name.kind not in references:
        return False
    whole, key = references[name.kind]
    containers = [*pod["spec"].get("containers", ()), *(pod["spec"].get("initContainers") or ())]
    return any(
        entry.get(whole, {}).get("name") == name.name
        for container in containers
        for entry in container.get("envFrom") or ()
    ) or any(
        (entry.get("valueFrom") or {}).get(key, {}).get("name") == name.name
        for container in containers
        for entry in container.get("env") or ()
    )


def _is_active(service: Mapping[str, Any]) -> bool:
    """Whether users reach a service by this Service, even if somebody has removed a label from it."""
    labels, selector = _labels(service), service["spec"].get("selector") or {}
    managed = MANAGED.items() <= labels.items() and labels.get("app") == _name(service)
    return managed or selector.get("app") == _name(service)


def _counted(service: str, view: NamespaceView) -> str | None:
    """The pods behind a Service, as text; None when there are none."""
    if ready := len(view.ready_pods(service)):
        return f"has {ready} ready endpoint{'' if ready == 1 else 's'}"
    if selected := len(view.selected_pods(service)):
        return f"selects {selected} pod{'' if selected == 1 else 's'}, of which none is ready"
    return None


def _continues(pod: Mapping[str, Any]) -> bool:
    """Whether a pod has neither ended nor is being deleted."""
    return not has_ended(pod) and "deletionTimestamp" not in pod["metadata"]


def _name(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["name"])


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}
