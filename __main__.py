"""Composes one stack: settings, then the cluster, then placement, then the services."""

from typing import Any

import pulumi

from components.addons import addons
from components.argo_blue_green import ArgoBlueGreenService, look_at_rollouts
from components.blue_green import BlueGreenService
from components.canary import CanaryService
from components.cluster import ExistingClusterAccess, access_to
from components.interrupt import end_when_interrupted
from components.placement import Placement, look_at_nodes
from components.rollout import RolloutService
from gate.cluster import ClusterAccess
from gate.hand_over import LiveRelease
from settings.problems import SettingsError
from settings.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings, ServiceSettings
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


def release(
    name: str, service: ServiceSettings, access: ClusterAccess, live: LiveRelease | None, opts: pulumi.ResourceOptions
) -> dict[str, Any]:
    """Registers one service by its strategy; returns its outputs."""
    if isinstance(service, BlueGreenSettings):
        colours = BlueGreenService(name, service=service, access=access, opts=opts)
        return {"active": colours.active, "colours": colours.colours, "urls": colours.urls}
    if isinstance(service, CanarySettings):
        made: RolloutService = CanaryService(name, service=service, access=access, opts=opts)
    elif isinstance(service, ArgoBlueGreenSettings):
        made = ArgoBlueGreenService(name, service=service, access=access, live=live or LiveRelease(), opts=opts)
    else:
        raise TypeError(f"no component for {type(service).__name__}")
    rollout = {"tag": service.tag, "replicas": service.replicas, "follow": made.follow}
    return {"active": made.active, "rollout": rollout, "urls": made.urls}


def main() -> None:
    """Registers everything that the settings ask for."""
    settings = read_settings()
    if settings.cluster.kind == "ec2":
        raise pulumi.RunError("switchyard:cluster.kind: 'ec2': is not complete yet, nothing was changed.")
    access = access_to(settings.cluster)
    live = look_at_nodes(settings.cluster.nodes, access)
    rollouts = look_at_rollouts(settings.services, access)
    cluster = ExistingClusterAccess("cluster", cluster=settings.cluster)
    on_cluster = pulumi.ResourceOptions(providers={"kubernetes": cluster.provider})
    placement = Placement("placement", nodes=settings.cluster.nodes, live=live, access=access, opts=on_cluster)
    ready = [placement, *addons(settings.cluster, on_cluster)]
    placed = pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(depends_on=ready))
    outputs = {name: release(name, one, access, rollouts.get(name), placed) for name, one in settings.services.items()}
    pulumi.export("services", outputs)


end_when_interrupted()
main()
