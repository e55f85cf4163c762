"""The way to a cluster that exists already."""

import pulumi
import pulumi_kubernetes as kubernetes

from gate.access import ClusterAccess
from settings.cluster import ExistingCluster


class ExistingClusterAccess(pulumi.ComponentResource):
    """A Kubernetes provider for a cluster that somebody else made: the sandbox, kind, k3d, any other."""

    provider: kubernetes.Provider
    """Every object of the stack goes through it."""

    def __init__(self, name: str, *, cluster: ExistingCluster, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("switchyard:cluster:Existing", name, None, opts)
        self.provider = kubernetes.Provider(
            f"{name}-provider",
            kubeconfig=cluster.kubeconfig,
            context=cluster.context,
            # Without an identifier the provider takes a kubeconfig that changed, a renewed certificate for
            # one, for another cluster, and replaces everything that runs there.
            cluster_identifier=cluster.identifier,
            enable_server_side_apply=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"identifier": cluster.identifier})


def access_to(cluster: ExistingCluster) -> ClusterAccess:
    """The gates' way to the cluster; one that leads nowhere ends the run."""
    brings = cluster.argo_rollouts is not None
    access = ClusterAccess(cluster.kubeconfig, cluster.context, brings_argo_rollouts=brings)
    if (problem := access.problem()) is not None:
        raise pulumi.RunError(problem)
    return access
