"""`switchyard rbac`: the minimum permissions of the commands, as Roles and a ClusterRole to apply."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switchyard.cli.options import Json, Stack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from switchyard.config.loader import StackSettings
    from switchyard.manifests.manifest import Manifest

FORM_VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""


def _dns_labels(namespaces: list[str] | None) -> list[str] | None:
    """The namespaces of the option, each of which must be a name that Kubernetes accepts."""
    from switchyard.config.types.rules import broken_rule
    from switchyard.config.types.text import DnsLabel

    for namespace in namespaces or ():
        if (rule := broken_rule(DnsLabel, namespace)) is not None:
            raise typer.BadParameter(f"{namespace!r} {rule}")
    return namespaces


Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAMESPACE",
        callback=_dns_labels,
        help="A namespace of services; may be repeated. Default: the namespaces of the stack's services.",
        show_default=False,
    ),
]


def rbac(namespace: Namespaces = None, stack: Stack = None, *, as_json: Json = False) -> None:
    """Prints the minimum permissions of a person who releases: a Role for each namespace, and one ClusterRole.

    The Roles have the project and the name of the stack in their names. The ClusterRole is the same for every stack.
    "What the kubeconfig's user must be allowed" in docs/runbook.md lists the commands for which they suffice.
    With --namespace no configuration is read: the Roles then name no Secret, and permit neither Jobs of hooks, nor the
    deletion of pods after a rollback, nor the weights of a load balancer, nor access to the Prometheus of a watch. They
    permit changes of every ConfigMap, Lease, Service and Deployment of the namespace, not only those of the services.
    Apply the output with: kubectl apply -f -
    """
    from switchyard.cli.failures import errors_end_the_command

    with errors_end_the_command(stack, as_json=as_json):
        from switchyard.manifests.rbac import roles

        objects = roles(namespace) if namespace else _of_stack(stack)
    if as_json:
        from switchyard.cli.output import print_json

        print_json({"version": FORM_VERSION, "objects": objects})
        return
    import yaml

    print(yaml.safe_dump_all(objects, sort_keys=False), end="")


def _of_stack(stack: str | None) -> "list[Manifest]":
    """The roles for the namespaces of a stack's services, and of the Prometheus that their watches read."""
    from switchyard.cli.configuration import read_settings_at_once
    from switchyard.config.cluster_address import service_address
    from switchyard.config.models.service import BlueGreenSettings
    from switchyard.config.models.switch_engine import SwitchEngine
    from switchyard.config.stack_file import local_name
    from switchyard.config.stack_values import read_project
    from switchyard.manifests.ownership_marks import Mark
    from switchyard.manifests.rbac import roles
    from switchyard.release.drain.report import renews

    name, settings = read_settings_at_once(stack)
    project = read_project(Path.cwd())
    mark = Mark(project.name if project else "", local_name(name))
    services = settings.services.values()
    # Those of other strategies are refused by the commands that change something.
    released = [service for service in services if isinstance(service, BlueGreenSettings)]
    jobs = {service.namespace for service in released if any(hook.job for _, _, hook in service.release.hooks.all())}
    pods = {
        service.namespace
        for service in released
        if renews(service) and service.release.drain.rollback_seconds is not None
    }
    weights = {service.namespace for service in released if service.engine is SwitchEngine.ALB_WEIGHTS}
    urls = {service.release.watch.prometheus for service in services} - {None}
    addresses = [address for url in urls if (address := service_address(str(url))) is not None]
    namespaces = [service.namespace for service in services]
    names: dict[str, list[str]] = {}
    for key, service in settings.services.items():
        if isinstance(service, BlueGreenSettings):
            names.setdefault(service.namespace, []).append(service.kubernetes_name(key))
    return roles(namespaces, _secrets(settings), jobs, pods, addresses, weights, mark, names)


def _secrets(settings: "StackSettings") -> "Mapping[str, Sequence[str]]":
    from switchyard.config.models.service import BlueGreenSettings, Colour, Track
    from switchyard.config.references import tracked_references
    from switchyard.release.notices.subscriptions import Subscriptions

    names: dict[str, list[str]] = {}
    for key, service in settings.services.items():
        tracks = list(map(Track, Colour)) if isinstance(service, BlueGreenSettings) else [Track.ROLLOUT]
        references = (reference for track in tracks for reference in tracked_references(service, track).values())
        names.setdefault(service.namespace, []).extend(
            reference.name for reference in references if reference.kind == "Secret"
        )
        calls = (hook.http for _, _, hook in service.release.hooks.all() if hook.http is not None)
        names[service.namespace].extend(value.secret for call in calls for value in call.secret_headers.values())
        subscriptions = Subscriptions.of("", settings.releases, key)
        if isinstance(service, BlueGreenSettings):  # the others are not released by the commands
            names[service.namespace].extend(entry.secret.name for entry in subscriptions.notifications.values())
    return names
