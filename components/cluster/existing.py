"""Access to an existing cluster."""

import json
import os
import pwd
from pathlib import Path

import pulumi

from components.failures import run_error
from components.kubernetes_provider import KubernetesProvider
from switchyard.config.models.cluster import ExistingCluster
from switchyard.errors import ClusterError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.kubeconfig.environment import KubeconfigEnvironment
from switchyard.kube.kubeconfig.resolve import VARIABLE

BY_CLIENT_GO = ""
"""Makes the provider read KUBECONFIG itself. Its Python SDK would pass on that variable as one path."""


class ExistingClusterAccess(pulumi.ComponentResource):
    """A Kubernetes provider for a cluster that the stack does not create: the sandbox, kind, k3d, any other.

    Args:
        name: name of the component.
        cluster: the settings.
        access: the gates' access to the same cluster; None if only the settings are known.
        opts: options of the component.
    """

    provider: KubernetesProvider
    """The Kubernetes provider of every object of the stack."""

    def __init__(
        self,
        name: str,
        *,
        cluster: ExistingCluster,
        access: ClusterAccess | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("switchyard:cluster:Existing", name, None, opts)
        self.provider = KubernetesProvider(
            f"{name}-provider",
            kubeconfig=provider_kubeconfig(cluster, access),
            context=cluster.context,
            cluster_identifier=cluster.identifier,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"identifier": cluster.identifier})


def provider_kubeconfig(cluster: ExistingCluster, access: ClusterAccess | None) -> pulumi.Input[str] | None:
    """The kubeconfig for the provider, with which it reaches the cluster that the gates have resolved (ADR 19).

    The state keeps it, so that it is a path where possible: a path has no credential.

    Args:
        cluster: the settings.
        access: the gates' access to the cluster.
    """
    if not cluster.kubeconfig:
        return BY_CLIENT_GO if os.environ.get(VARIABLE) else None
    if access is not None and access.cluster.directory_matters:
        # The provider would look for its certificates in the project's directory.
        return pulumi.Output.secret(json.dumps(access.cluster.minimised()))
    if cluster.kubeconfig.startswith("~") and not _home_is_plain():
        return str(KubeconfigEnvironment.of_process().expanded(cluster.kubeconfig))
    return cluster.kubeconfig


def _home_is_plain() -> bool:
    """Whether HOME is the directory of the user's account, which the provider may take for `~` instead."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir) == Path(KubeconfigEnvironment.of_process().home)
    except KeyError:  # a user without an account, as in many containers
        return False


def access_to(cluster: ExistingCluster) -> ClusterAccess:
    """The gates' access to the cluster; an unusable kubeconfig or a failed login ends the run."""
    brings = cluster.argo_rollouts is not None
    access = ClusterAccess(cluster.kubeconfig, cluster.context, brings_argo_rollouts=brings)
    try:
        access.check()
        access.login.renew()
    except ClusterError as error:
        raise run_error(error, f"{error} Nothing was changed.") from None
    return access
