"""Composes one stack: settings, then the cluster, then the services, then what users come by."""

from pathlib import Path

import pulumi

from components.ground import Ground, existing_ground
from components.interrupt import end_when_interrupted
from components.release import release
from settings.cluster import ExistingCluster
from settings.problems import SettingsError
from settings.stack import NAMESPACE, StackSettings, load
from settings.written import read_stack_file


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
            written=read_stack_file(Path.cwd(), pulumi.get_stack(), NAMESPACE),
        )
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def _production(config: pulumi.Config) -> bool | str | None:
    """The mark of a production stack; its text where that is neither true nor false, for the list of mistakes."""
    try:
        return config.get_bool("production")
    except pulumi.ConfigTypeError:
        return config.get("production")


def lay_ground(settings: StackSettings) -> Ground:
    """Registers everything that the services stand on."""
    if isinstance(settings.cluster, ExistingCluster):
        return existing_ground(settings.cluster, settings.services)
    # The SDK for AWS takes seconds to import, which a cluster of somebody else's need not wait for.
    from components.own_cluster import own_ground  # noqa: PLC0415

    return own_ground(settings.cluster, settings.services, production=settings.production)


def main() -> None:
    """Registers everything that the settings ask for."""
    settings = read_settings()
    ground = lay_ground(settings)
    services = {
        name: release(name, service, ground.access, ground.rollouts.get(name), ground.front(name), ground.opts)
        for name, service in settings.services.items()
    }
    pulumi.export("services", {name: one.outputs for name, one in services.items()})
    for key, value in ground.expose([one.component for one in services.values()]).items():
        pulumi.export(key, value)


end_when_interrupted()
main()
