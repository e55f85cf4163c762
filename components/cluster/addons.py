"""The charts that a stack installs on its cluster."""

from typing import TYPE_CHECKING

import pulumi

from components.guard import release_hook
from components.manifest import KubernetesObject, register
from switchyard.config.models.cluster import ExistingCluster
from switchyard.kube.access import ClusterAccess
from switchyard.kube.helm_releases import clear_unfinished
from switchyard.manifests.addons import Addon, addon_namespace, calico, existing_addons, platform

if TYPE_CHECKING:
    from switchyard.config.models.ec2 import Ec2Cluster

RELEASE = "kubernetes:helm.sh/v3:Release"
"""Type token of a Helm release."""


class ChartAddon(pulumi.ComponentResource):
    """One add-on: a Helm release of its chart, and a namespace for it.

    A release, and not a chart that Pulumi renders: Helm keeps the CustomResourceDefinitions that a chart marks so when
    the release is deleted, and lets a chart read the cluster, where it finds the certificate that it created before.
    """

    version: pulumi.Output[str]
    """Version of the chart."""

    def __init__(
        self,
        name: str,
        *,
        addon: Addon,
        access: ClusterAccess,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the namespace and the release.

        Args:
            name: name of the component.
            addon: the chart, its values and its namespace.
            access: the cluster.
            opts: options of the component.
        """
        super().__init__(f"switchyard:addons:{addon.kind}", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, retain_on_delete=addon.retained)

        async def clear(_: pulumi.ResourceHookArgs) -> None:
            await clear_unfinished(access, addon.namespace, addon.name, lambda line: pulumi.log.info(line, self))

        clear_hook = pulumi.ResourceHook(f"{name}-clear", clear)
        namespace = register(
            f"{name}-namespace", addon_namespace(addon), child, deleted_by="nobody" if addon.retained else "guard"
        )
        KubernetesObject(
            RELEASE,
            f"{name}-release",
            {
                "compat": "true",  # as the SDK of the provider sets it for every release
                "name": addon.name,
                "namespace": namespace.metadata.apply(lambda metadata: metadata["name"]),
                "chart": addon.chart.chart,
                "version": addon.chart.version,
                "repositoryOpts": None if addon.chart.is_path else {"repo": addon.chart.repository},
                "values": addon.values,
                "timeout": addon.timeout_seconds,
            },
            opts=pulumi.ResourceOptions.merge(
                child,
                pulumi.ResourceOptions(
                    hooks=pulumi.ResourceHookBinding(
                        before_create=[clear_hook],
                        before_update=[clear_hook],
                        before_delete=None if addon.retained else release_hook(addon.namespace, addon.name),
                    )
                ),
            ),
        )
        self.version = pulumi.Output.from_input(addon.chart.version)
        self.register_outputs({"version": self.version})


def addons(
    cluster: ExistingCluster, access: ClusterAccess, opts: pulumi.ResourceOptions
) -> list[pulumi.ComponentResource]:
    """The add-ons that the stack installs on an existing cluster; the services wait for them."""
    return [_install(addon, access, opts) for addon in existing_addons(cluster)]


def pod_network(cluster: "Ec2Cluster", access: ClusterAccess, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    """Calico. Its release is done when the operator runs; the nodes are Ready somewhat later."""
    return _install(calico(cluster), access, opts)


def platform_addons(
    cluster: "Ec2Cluster", vpc_id: pulumi.Input[str], access: ClusterAccess, opts: pulumi.ResourceOptions
) -> list[pulumi.ComponentResource]:
    """The add-ons of a cluster that the stack creates, other than the pod network: the first one before all others."""
    components: list[pulumi.ComponentResource] = []
    for addon in platform(cluster, vpc_id):
        components.append(
            _install(
                addon, access, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=components[:1]))
            )
        )
    return components


def _install(addon: Addon, access: ClusterAccess, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    return ChartAddon(addon.name, addon=addon, access=access, opts=opts)
