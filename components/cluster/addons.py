"""Charts that a stack brings to its cluster."""

import pulumi

from components.guard import release_hook
from components.manifest import KubernetesObject, register
from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.kube.access import ClusterAccess
from switchyard.kube.helm_releases import clear_unfinished
from switchyard.manifests.addons import Addon, addon_namespace, calico, existing_addons, platform

RELEASE = "kubernetes:helm.sh/v3:Release"
"""The type of a release of Helm in the engine."""


class ChartAddon(pulumi.ComponentResource):
    """One add-on by its chart, as a release of Helm in a namespace of its own.

    A release, and not a chart that Pulumi renders: Helm keeps the definitions that a chart marks so when the release
    goes, and lets a chart look at the cluster, where it finds the certificate that it made before.
    """

    version: pulumi.Output[str]
    """Of the chart."""

    def __init__(
        self,
        name: str,
        *,
        addon: Addon,
        access: ClusterAccess,
        retained: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers it.

        Args:
            name: of the component.
            addon: what it is.
            access: the cluster.
            retained: whether it stays on the cluster when the stack lets go of it.
            opts: of the component.
        """
        super().__init__(f"switchyard:addons:{addon.kind}", name, None, opts)
        here = pulumi.ResourceOptions(parent=self, retain_on_delete=retained)

        async def clear(_: pulumi.ResourceHookArgs) -> None:
            await clear_unfinished(access, addon.namespace, addon.name, lambda line: pulumi.log.info(line, self))

        before = pulumi.ResourceHook(f"{name}-clear", clear)
        namespace = register(
            f"{name}-namespace", addon_namespace(addon), here, deleted_by="nobody" if retained else "guard"
        )
        KubernetesObject(
            RELEASE,
            f"{name}-release",
            {
                "compat": "true",  # the provider's SDK says it of every release
                "name": addon.name,
                "namespace": namespace.metadata.apply(lambda metadata: metadata["name"]),
                "chart": addon.chart.chart,
                "version": addon.chart.version,
                "repositoryOpts": None if addon.chart.is_path else {"repo": addon.chart.repository},
                "values": addon.values,
                "timeout": addon.timeout_seconds,
            },
            opts=pulumi.ResourceOptions.merge(
                here,
                pulumi.ResourceOptions(
                    hooks=pulumi.ResourceHookBinding(
                        before_create=[before],
                        before_update=[before],
                        before_delete=release_hook(addon.namespace, addon.name),
                    )
                ),
            ),
        )
        self.version = pulumi.Output.from_input(addon.chart.version)
        self.register_outputs({"version": self.version})


def addons(
    cluster: ExistingCluster, access: ClusterAccess, opts: pulumi.ResourceOptions
) -> list[pulumi.ComponentResource]:
    """Everything that the stack brings to somebody else's cluster, for the services to wait for."""
    return [_install(addon, access, opts) for addon in existing_addons(cluster)]


def pod_network(cluster: Ec2Cluster, access: ClusterAccess, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    """Calico. Its release is done when the operator runs; the nodes are Ready somewhat later.

    At a destroy it goes with the machines: its own way out waits for an operator that takes the pod network away under
    itself, and is reported to hang at times.
    """
    addon = calico(cluster)
    return ChartAddon(addon.name, addon=addon, access=access, retained=True, opts=opts)


def platform_addons(
    cluster: Ec2Cluster, vpc_id: pulumi.Input[str], access: ClusterAccess, opts: pulumi.ResourceOptions
) -> list[pulumi.ComponentResource]:
    """Everything else that the stack brings to its own machines: the first one first, which the others wait for."""
    made: list[pulumi.ComponentResource] = []
    for addon in platform(cluster, vpc_id):
        made.append(
            _install(addon, access, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=made[:1])))
        )
    return made


def _install(addon: Addon, access: ClusterAccess, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    return ChartAddon(addon.name, addon=addon, access=access, opts=opts)
