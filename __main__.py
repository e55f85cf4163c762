"""Composes one stack: settings, then the cluster, then the services, then what users come by."""

import pulumi

from components.debug_lines import leave_out_debug_lines
from components.failures import errors_end_the_run
from components.guard import DestroySentinel, attach, begin, warn_of_drift_at_end
from components.identity import stack_identity
from components.platform import ClusterPlatform, build_existing_platform
from components.services.release import release
from switchyard.config.loader import NAMESPACE, StackSettings, load
from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.stack_file import read_stack_file
from switchyard.gates.rules.relocation import CLUSTER_OUTPUT, SERVICES_OUTPUT
from switchyard.interrupt import end_when_interrupted
from switchyard.operation import config_file, project_directory


def read_settings() -> StackSettings:
    """Reads the stack's configuration; a mistake in it ends the run with a line for each."""
    config = pulumi.Config(NAMESPACE)
    with errors_end_the_run():
        return load(
            config.get_object("cluster"),
            config.get_object("services"),
            pulumi.get_stack(),
            production=_production(config),
            secret_keys=pulumi.runtime.get_config_secret_keys_env(),
            former=config.get("formerStack"),
            keys=pulumi.runtime.config.get_config_env(),
            written=read_stack_file(project_directory(), pulumi.get_stack(), NAMESPACE, config_file()),
        )


def _production(config: pulumi.Config) -> bool | str | None:
    """The mark of a production stack; its text where that is neither true nor false, for the list of mistakes."""
    try:
        return config.get_bool("production")
    except pulumi.ConfigTypeError:
        return config.get("production")


def build_platform(settings: StackSettings) -> ClusterPlatform:
    """Registers everything that the services stand on."""
    if isinstance(settings.cluster, ExistingCluster):
        return build_existing_platform(settings.cluster, settings)
    # The SDK for AWS takes seconds to import, which a cluster of somebody else's need not wait for.
    from components.cluster.ec2_platform import build_ec2_platform  # noqa: PLC0415

    return build_ec2_platform(settings.cluster, settings)


def main() -> None:
    """Registers everything that the settings ask for."""
    settings = read_settings()
    guard = begin(settings, stack_identity())
    platform = build_platform(settings)
    attach(guard, platform.access)
    services = {
        name: release(name, service, platform.access, platform.routing(name), platform.observed(name), platform.opts)
        for name, service in settings.services.items()
    }
    released = [one.component for one in services.values()]
    outputs = {
        SERVICES_OUTPUT: {name: one.outputs for name, one in services.items()},
        CLUSTER_OUTPUT: {"identifier": platform.place.identifier, "uid": platform.place.uid},
        **platform.expose(released),
    }
    for key, value in outputs.items():
        pulumi.export(key, value)
    warn_of_drift_at_end(guard, DestroySentinel("destroy-sentinel", after=[*platform.parts, *released]))


end_when_interrupted()
leave_out_debug_lines()
main()
