"""Rules about the names of services: no two services may have one object, or one name in Pulumi's state."""

from collections.abc import Iterator, Mapping

from switchyard.config.commands import below, set_command
from switchyard.config.errors import Problem, shown
from switchyard.config.models.canary import Analysis
from switchyard.config.models.service import ArgoBlueGreenSettings, CanarySettings, Colour, ServiceSettings
from switchyard.config.models.service_name import NamespacedName

SERVICES = "switchyard:services"

SUFFIXES = (*Colour, "stable", "canary", "preview")
"""Suffixes of the names of a service's Services beside the one that users reach."""


def name_clashes(services: Mapping[str, ServiceSettings], removed: Mapping[str, NamespacedName]) -> Iterator[Problem]:
    """Services that would share an object, a name in Pulumi's state, or a permission to be deleted.

    Args:
        services: services of the stack, by key.
        removed: the services that are marked to be deleted, by key.
    """
    yield from _keys(services)
    users: dict[NamespacedName, str] = {}
    for key, service in services.items():
        first = users.setdefault(service.namespaced(key), key)
        if first != key:
            yield _taken(key, service, service.kubernetes_name(key), f"is also the name of services.{first}")
    for key, service in services.items():
        name = service.kubernetes_name(key)
        for suffix in SUFFIXES:
            other = users.get(NamespacedName(service.namespace, f"{name}-{suffix}"))
            if other is not None and other != f"{key}-{suffix}":
                rule = f"is also the name of {key}'s {suffix} Service"
                yield _taken(other, services[other], f"{name}-{suffix}", rule)
    yield from _permissions(services, users, removed)
    yield from _measured_together(services)


def _keys(services: Mapping[str, ServiceSettings]) -> Iterator[Problem]:
    """Refuses keys whose names in the engine would be equal, in any namespace."""
    for key, service in services.items():
        for suffix in SUFFIXES:
            other = f"{key}-{suffix}"
            if other in services:
                rule = f"is also the name of {key}'s {suffix} Service"
                if service.name is not None:
                    rule += " in Pulumi's state, which uses the keys"
                yield Problem(below(SERVICES, other), shown(other), rule, "Rename one of the two.")


def _permissions(
    services: Mapping[str, ServiceSettings],
    users: Mapping[NamespacedName, str],
    removed: Mapping[str, NamespacedName],
) -> Iterator[Problem]:
    """Refuses a `remove` or `leaves` that would also permit the deletion of a service that is kept."""
    for key, removed_name in removed.items():
        if (other := users.get(removed_name)) is not None:
            rule = f"is to be deleted, and services.{other} has this name in namespace {removed_name.namespace}"
            remedy = "Remove this entry if the objects are to stay, or the other one if they are to go."
            yield Problem(below(SERVICES, key), shown(removed_name.name), rule, remedy)
    for key, service in services.items():
        if service.leaves is None:
            continue
        other = users.get(NamespacedName(service.leaves, service.kubernetes_name(key)))
        if other not in {None, key}:
            rule = f"its objects of this name are deleted there, and services.{other} has them"
            yield Problem(below(SERVICES, key, "leaves"), shown(service.leaves), rule, "Remove one of the two.")


def _measured_together(services: Mapping[str, ServiceSettings]) -> Iterator[Problem]:
    """Analyses of two services of one name that Prometheus could not tell apart.

    The hash of a pod template is the same in every namespace, so that the pods of one would be judged for the other.
    """
    queried: dict[tuple[str, ...], str] = {}
    for key, service in services.items():
        for path, analysis in _analyses(service):
            label = analysis.service_label or service.kubernetes_name(key)
            labels = sorted(f"{name}={value}" for name, value in analysis.labels.items())
            first = queried.setdefault((analysis.prometheus, label, *labels), key)
            if first != key and services[first].kubernetes_name(first) == service.kubernetes_name(key):
                at = below(SERVICES, key) + f".{path}.labels"
                rule = (
                    f"its metrics have the labels of those of services.{first}, whose pods would be judged with its own"
                )
                yield Problem(at, shown(dict(analysis.labels)), rule, set_command(f"{at}.namespace", service.namespace))


def _analyses(service: ServiceSettings) -> Iterator[tuple[str, Analysis]]:
    """The analyses of a service under its strategy, each with its path."""
    analyses: dict[str, Analysis | None] = {}
    if isinstance(service, CanarySettings):
        analyses = {"canary.analysis": service.canary.analysis}
    elif isinstance(service, ArgoBlueGreenSettings):
        argo = service.argo_blue_green
        analyses = {
            "argoBlueGreen.prePromotion": argo.pre_promotion,
            "argoBlueGreen.postPromotion": argo.post_promotion,
        }
    for path, analysis in analyses.items():
        if analysis is not None:
            yield path, analysis


def _taken(key: str, service: ServiceSettings, name: str, rule: str) -> Problem:
    path = below(SERVICES, key) if service.name is None else below(SERVICES, key, "name")
    rule_with_namespace = f"{rule} in namespace {service.namespace}"
    return Problem(path, shown(name), rule_with_namespace, "Give one of the two another name or namespace.")
