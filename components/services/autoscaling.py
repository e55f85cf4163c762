"""The autoscaler of a service, and one read of the numbers that autoscalers have given to all services."""

from collections.abc import Mapping
from dataclasses import replace

import pulumi

from components.failures import end_if_refused
from components.manifest import KubernetesObject, register
from components.relocation import last_outputs
from switchyard.codes import Code
from switchyard.config.models.autoscaling import Autoscaling
from switchyard.config.models.service import ServiceSettings
from switchyard.errors import ClusterError
from switchyard.gates.autoscaling import read_sizings
from switchyard.gates.rules.autoscaling import kept_numbers, refuse_fixed_number, refuse_fixed_number_above_max
from switchyard.gates.rules.sizes import Sizing, last_configured
from switchyard.kube.access import ClusterAccess
from switchyard.kube.blocking import run_blocking
from switchyard.kube.cluster import Cluster
from switchyard.manifests.autoscaling import autoscaler


def inspect_sizes(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> Mapping[str, Sizing]:
    """The numbers of pods that autoscalers have given to the services.

    Read at the start, and not in a hook: the number has to be known before a Deployment is registered.

    Raises:
        pulumi.RunError: the cluster could not be read, or a service without its autoscaler would lose pods.
    """
    if not access.exists or not services:
        return {}
    try:
        sizings = run_blocking(_read(services, access))
    except ClusterError as error:
        problem = f"{', '.join(services)}: autoscalers and numbers of pods could not be read: {error}"
        remedy = "Nothing was changed. Check the API server, the kubeconfig and its permissions."
        raise pulumi.RunError(f"{problem} ({Code.AUTOSCALERS_UNREADABLE}). {remedy}") from None
    rules = (refuse_fixed_number, refuse_fixed_number_above_max)
    end_if_refused(rule(key, service, sizings[key]) for key, service in services.items() for rule in rules)
    for name, service in services.items():
        for warning in kept_numbers(name, service, sizings[name]):
            pulumi.log.warn(warning)
    outputs = last_outputs()
    return {key: replace(sizing, configured=last_configured(outputs, key)) for key, sizing in sizings.items()}


async def _read(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> dict[str, Sizing]:
    return await read_sizings(await Cluster.connect(access), services)


def register_autoscaler(
    name: str, service: ServiceSettings, scaling: Autoscaling, opts: pulumi.ResourceOptions
) -> KubernetesObject:
    """Registers the one autoscaler of a service, which sizes the active track.

    Args:
        name: the key of the service.
        service: settings of the service.
        scaling: limits and targets of the autoscaler.
        opts: options of the resource, with the resources that must exist before.
    """
    manifest = autoscaler(service.kubernetes_name(name), service, scaling)
    return register(f"{name}-autoscaler", manifest, opts)
