"""The provider of Kubernetes objects, without the classes of its SDK, which take longer to import than to use."""

import os
from functools import cache
from importlib.metadata import version

import pulumi

PACKAGE = "kubernetes"
"""Name of the provider's package in type tokens."""

_FLAGS = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "suppressDeprecationWarnings": "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
    "suppressHelmHookWarnings": "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS",
}
"""Options of the provider that its SDK takes from the environment, by their names in the state of a stack."""

_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), "true"),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), "false"),
}
"""Texts that the SDK takes for true and false."""


@cache
def plugin_version() -> str:
    """The version of the provider, which is that of its installed SDK."""
    return version("pulumi-kubernetes")


class KubernetesProvider(pulumi.ProviderResource):
    """The provider of one cluster, with the inputs that the class of the SDK would give it."""

    def __init__(
        self,
        name: str,
        *,
        kubeconfig: pulumi.Input[str] | None,
        cluster_identifier: str,
        opts: pulumi.ResourceOptions,
        context: str | None = None,
    ) -> None:
        """Registers the provider.

        Args:
            name: the name of the resource in the engine.
            kubeconfig: the path or the text of a kubeconfig; None stands for the default one.
            cluster_identifier: identifies the cluster. Without it the provider takes a kubeconfig that
                changed, for example by a renewed certificate, for another cluster, and replaces everything that runs
                there.
            opts: the options of the resource.
            context: the context of the kubeconfig; None stands for its current one.
        """
        flags = {key: _BOOLEANS.get(os.environ.get(variable, "")) for key, variable in _FLAGS.items()}
        inputs = {
            **flags,
            "clusterIdentifier": cluster_identifier,
            "context": context,
            # The provider takes booleans as JSON.
            "enableServerSideApply": "true",
            "kubeconfig": os.environ.get("KUBECONFIG") if kubeconfig is None else kubeconfig,
        }
        versioned = pulumi.ResourceOptions(version=plugin_version())
        super().__init__(PACKAGE, name, inputs, pulumi.ResourceOptions.merge(versioned, opts))
