"""Composes one stack: settings, then the platform, then the services, then the outputs."""

# ruff: noqa: E402
import gc

# Nothing of what is imported and registered becomes garbage: the search for it would take a third of the program's
# time at one service.
gc.disable()

import pulumi

from components.callback_server import share_callback_server
from components.debug_lines import drop_unseen_debug_lines
from components.guard import DestroySentinel, attach, begin, warn_of_drift_at_end
from components.identity import stack_identity
from components.partial_update import refuse_partial_switches
from components.platform import build_platform
from components.service_registration import register_service
from components.settings import read_settings
from components.threads import separate_threads
from switchyard.gates.rules.relocation import CLUSTER_OUTPUT, SERVICES_OUTPUT
from switchyard.interrupt import end_when_interrupted


def main() -> None:
    """Registers everything that the settings ask for."""
    settings = read_settings()
    refuse_partial_switches(settings)
    guard = begin(settings, stack_identity())

    platform = build_platform(settings)
    attach(guard, platform.access)

    services = {
        key: register_service(key, service, platform, settings.releases) for key, service in settings.services.items()
    }
    components = [service.component for service in services.values()]

    outputs = {
        SERVICES_OUTPUT: {key: service.outputs for key, service in services.items()},
        CLUSTER_OUTPUT: {"identifier": platform.location.identifier, "uid": platform.location.uid},
        **platform.expose(components),
    }
    for key, value in outputs.items():
        pulumi.export(key, value)
    warn_of_drift_at_end(guard, DestroySentinel("destroy-sentinel", after=[*platform.parts, *components]))


end_when_interrupted()
drop_unseen_debug_lines()
separate_threads()
share_callback_server()
main()

# What exists by now lives until the end. A search for every 700 further objects, Python's default, took a quarter of
# the program's time at 500 services; without any search, the update that creates 500 services took 2.3 GiB.
gc.freeze()
gc.set_threshold(100_000)
gc.enable()
