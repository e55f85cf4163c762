"""Charts that a stack brings to its cluster."""

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from render.addons import ARGO_ROLLOUTS, argo_rollouts_values, namespace_labels
from render.labels import APPLY
from settings.addons import ArgoRolloutsChart
from settings.cluster import ExistingCluster

TIMEOUT_SECONDS = 300
"""Bound on the controller's start."""


class ArgoRollouts(pulumi.ComponentResource):
    """Argo Rollouts by its chart, as a release of Helm, which keeps the definitions when the release goes."""

    def __init__(self, name: str, *, chart: ArgoRolloutsChart, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("switchyard:addons:ArgoRollouts", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        namespace = Namespace(
            f"{name}-namespace",
            metadata={"name": ARGO_ROLLOUTS, "labels": namespace_labels(), "annotations": APPLY},
            opts=here,
        )
        Release(
            f"{name}-release",
            name=ARGO_ROLLOUTS,
            namespace=namespace.metadata.apply(lambda made: made["name"]),
            chart=chart.chart,
            version=chart.version,
            repository_opts=None if chart.is_path else RepositoryOptsArgs(repo=chart.repository),
            values=argo_rollouts_values(chart),
            timeout=TIMEOUT_SECONDS,
            opts=here,
        )
        self.register_outputs({"version": chart.version})


def addons(cluster: ExistingCluster, opts: pulumi.ResourceOptions) -> list[pulumi.ComponentResource]:
    """Everything that the stack brings, for the services to wait for."""
    if cluster.argo_rollouts is None:
        return []
    return [ArgoRollouts("argo-rollouts", chart=cluster.argo_rollouts, opts=opts)]
