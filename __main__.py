"""Composes one stack: settings, then the cluster, then placement, then the services."""

import pulumi

from components.blue_green import BlueGreenService
from components.cluster import ExistingClusterAccess
from components.interrupt import end_when_interrupted
from components.placement import Placement, look_at_nodes
from gate.cluster import ClusterAccess
from settings.problems import SettingsError
from settings.stack import NAMESPACE, StackSettings, load


def read_settings() -> StackSettings:
    """Reads the stack's configuration; a mistake in it ends the run with a line for each."""
    config = pulumi.Config(NAMESPACE)
    try:
        return load(
            config.get_object("cluster"),
            config.get_object("services"),
            pulumi.get_stack(),
            production=_production(config),
            secret_keys=pulumi.runtime.get_config_secret_keys_env(),
        )
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def _production(config: pulumi.Config) -> bool | str | None:
    """The mark of a production stack; its text where that is neither true nor false, for the list of mistakes."""
    try:
        return config.get_bool("production")
    except pulumi.ConfigTypeError:
        return config.get("production")


def main() -> None:
    """Registers everything that the settings ask for."""
    settings = read_settings()
    access = ClusterAccess(settings.cluster.kubeconfig, settings.cluster.context)
    if (problem := access.problem()) is not None:
        raise pulumi.RunError(problem)
    nodes = settings.cluster.nodes
    live = look_at_nodes(nodes, access)
    cluster = ExistingClusterAccess("cluster", cluster=settings.cluster)
    on_cluster = pulumi.ResourceOptions(providers={"kubernetes": cluster.provider})
    placement = Placement("placement", nodes=nodes, live=live, access=access, opts=on_cluster)
    outputs = {}
    for name, service in settings.services.items():
        component = BlueGreenService(
            name,
            service=service,
            access=access,
            opts=pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(depends_on=[placement])),
        )
        outputs[name] = {"active": component.active, "colours": component.colours, "urls": component.urls}
    pulumi.export("services", outputs)


end_when_interrupted()
main()
