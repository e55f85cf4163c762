"""A stack's configuration with the few changes that a rehearsal needs, and a description of each."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devtools.rehearsal.charts import NotRehearsableError
from switchyard.config.loader import load
from switchyard.config.models.addons import Chart
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.manifests.weights import switched_by_weights

CLUSTER, SERVICES, MARK = "switchyard:cluster", "switchyard:services", "switchyard:production"

CHARTS: Mapping[str, Callable[[Ec2Cluster], Chart | None]] = {
    "calico": lambda cluster: cluster.calico,
    "loadBalancerController": lambda cluster: cluster.load_balancer_controller,
    "metricsServer": lambda cluster: cluster.metrics_server,
    "argoRollouts": lambda cluster: cluster.argo_rollouts,
}
"""Charts of the settings, by their keys."""


@dataclass(frozen=True)
class Rehearsed:
    """A configuration for a rehearsal.

    Attributes:
        config: configuration of the stack by full keys.
        cluster: settings of the cluster, as the user has them.
        changes: a line for each difference from the user's configuration.
    """

    config: dict[str, Any]
    cluster: Ec2Cluster
    changes: list[str]


def read(file: Path, stack: str, charts: Callable[[Mapping[str, Chart]], Mapping[str, Path]]) -> Rehearsed:
    """Reads a stack's file.

    Args:
        file: the stack's file.
        stack: name of the stack.
        charts: writes small charts in place of these; returns their paths by the same keys.

    Raises:
        NotRehearsableError: the file does not exist, the stack is of another kind, or a tool that it needs is not
            installed.

        switchyard.config.errors.SettingsError: it has errors.
    """
    if not file.exists():
        raise NotRehearsableError(f"stack {stack}: there is no {file.name} here. Rehearse another: STACK=staging")
    document = yaml.load(file.read_text(), _Loader) or {}  # noqa: S506 - a safe loader, and stricter
    raw: dict[str, Any] = document.get("config") or {}
    return rehearsed(raw, stack, charts)


def rehearsed(
    raw: Mapping[str, Any], stack: str, charts: Callable[[Mapping[str, Chart]], Mapping[str, Path]]
) -> Rehearsed:
    """Changes a configuration that was read already."""
    secret = [key for key in (CLUSTER, SERVICES) if _has_secret(raw.get(key))]
    settings = load(raw.get(CLUSTER), raw.get(SERVICES), stack, production=raw.get(MARK), secret_keys=secret)
    if not isinstance(settings.cluster, Ec2Cluster):
        raise NotRehearsableError(
            f"stack {stack}: {CLUSTER}.kind is {settings.cluster.kind!r}: only a cluster that the stack makes, kind "
            "'ec2', is rehearsed"
        )
    for name, service in settings.services.items():
        if switched_by_weights(service):
            raise NotRehearsableError(
                f"stack {stack}: {SERVICES}.{name}.switchEngine is {service.engine.value!r}: the simulated ALB "
                "has no weights, and the gate would ask AWS itself. Rehearse it with 'selector'"
            )
    cluster = copy.deepcopy(dict(raw[CLUSTER]))
    wanted = {key: chart for key, of in CHARTS.items() if (chart := of(settings.cluster)) is not None}
    changes = list(_changes(settings.cluster, wanted))
    for key, path in charts(wanted).items():
        given = cluster.get(key) or {}
        cluster[key] = {**wanted[key].model_dump(by_alias=True), **given, "chart": str(path)}
    cluster.pop("hostname", None)
    config = {**raw, CLUSTER: cluster, MARK: settings.production}
    return Rehearsed(config, settings.cluster, changes)


def _changes(cluster: Ec2Cluster, charts: Mapping[str, Chart]) -> Iterator[str]:
    yield f"charts {', '.join(charts)}: replaced by small charts of the same name and version; nothing is downloaded"
    if cluster.hostname is not None:
        yield f"hostname {cluster.hostname}: ignored, the API server is reached by its address"


class _Loader(yaml.SafeLoader):
    """Reads a stack's file as the engine does, in which a duplicate key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                line = node.value[number][0].start_mark.line + 1
                raise NotRehearsableError(f"line {line}: {key!r} is there twice. Remove one of them.")
        return super().construct_mapping(node, deep)


def _has_secret(value: object) -> bool:
    if isinstance(value, Mapping):
        return "secure" in value or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))
