"""Rules across the fields of a service that concern its pods as a whole and its Service."""

from collections.abc import Iterator

from switchyard.config.commands import below, remove_command, remove_value, set_value
from switchyard.config.errors import Problem, set_command, shown
from switchyard.config.kubernetes import HOSTNAME_LABEL
from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, CanarySettings, ServiceSettings, Track
from switchyard.config.models.service_options import ServiceOptions
from switchyard.config.validation.containers import container_problems
from switchyard.config.validation.pod_patch import patch_problems


def pod_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    """Rules within one service.

    Args:
        path: path of the service in the configuration.
        service: settings of the service.
    """
    yield from container_problems(path, service)
    yield from patch_problems(path, service)
    yield from _service_problems(f"{path}.service", path, service)
    service_account = service.service_account
    if service_account.name is not None and service_account.annotations:
        rule = f"are of the service's own ServiceAccount, and the pods use {service_account.name}"
        own = f"{path}.serviceAccount.annotations"
        remedy = f"Annotate that one instead: {remove_value(own)}, or: {remove_value(f'{path}.serviceAccount.name')}"
        yield Problem(own, "a mapping", rule, remedy)
    yield from _ready_problems(path, service)
    yield from _alias_problems(path, service)
    yield from _drain_problems(f"{path}.release.drain.port", service)
    yield from _disruption_problems(f"{path}.podDisruptionBudget.maxUnavailable", service)
    if service.dns_policy == "None" and (service.dns_config is None or not service.dns_config.nameservers):
        rule = "leaves the resolver to dnsConfig, which names no server"
        yield Problem(
            f"{path}.dnsPolicy", "'None'", rule, set_command(f"{path}.dnsConfig.nameservers[0]", "10.96.0.10")
        )


def _disruption_problems(at: str, service: ServiceSettings) -> Iterator[Problem]:
    """Refuses a PodDisruptionBudget that lets a drain of nodes evict all pods of a track, so that nothing answers.

    Of a single pod there is no other budget with which its node can be drained. The idle colour counts as well: a
    rollback makes it active, whatever the configuration is.
    """
    tracks = (Track.BLUE, Track.GREEN) if isinstance(service, BlueGreenSettings) else (service.track,)
    fewest = min((count for track in tracks if (count := service.replicas_of(track)) > 1), default=None)
    most = service.pod_disruption_budget.max_unavailable
    if fewest is not None and most >= fewest:
        track = next(track for track in tracks if service.replicas_of(track) == fewest)
        key = "autoscaling.min" if service.autoscaling is not None and track is service.track else track.replicas_key
        rule = f"must be less than {key} ({fewest}), or draining nodes may evict all pods at once"
        yield Problem(at, str(most), rule, set_command(at, 1))


def _drain_problems(at: str, service: ServiceSettings) -> Iterator[Problem]:
    port = service.release.drain.port
    routed = {service.port, *(other.container_port for other in service.ports.values() if other.service_port)}
    if service.release.drain.method is DrainMethod.ENDPOINT and port in routed:
        free = next(number for number in range(8001, 65536) if number not in routed)
        rule = "is a port of the Service, by which everybody who reaches the service could end connections"
        remedy = f"Let the application listen on another port for it: {set_value(at, free)}"
        yield Problem(at, str(port), rule, remedy)


def _alias_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    addresses: dict[str, int] = {}
    for index, alias in enumerate(service.host_aliases):
        if (first := addresses.setdefault(alias.ip, index)) != index:
            rule = f"is the address of hostAliases.{first}, and Kubernetes takes each address once"
            at = f"{path}.hostAliases.{index}"
            remedy = f"Write its hostnames under that one, and remove this one: {remove_value(at)}"
            yield Problem(f"{at}.ip", shown(alias.ip), rule, remedy)


def _ready_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    at = f"{path}.minReadySeconds"
    limits = {
        "progressDeadlineSeconds": service.progress_deadline_seconds,
        "readyTimeoutSeconds": service.ready_timeout_seconds,
    }
    for key, seconds in limits.items():
        if service.min_ready_seconds >= seconds and service.min_ready_seconds:
            rule = f"must be less than {key} ({seconds}), within which pods must be available"
            remedy = set_command(f"{path}.{key}", str(min(3600, service.min_ready_seconds + 300)))
            yield Problem(at, str(service.min_ready_seconds), rule, remedy)


def _service_problems(at: str, path: str, service: ServiceSettings) -> Iterator[Problem]:
    options = service.service_options
    yield from _type_problems(at, path, service)
    if options.session_affinity_seconds is not None and options.session_affinity != "ClientIP":
        rule = "is of sessionAffinity ClientIP"
        remedy = set_command(f"{at}.sessionAffinity", "ClientIP")
        yield Problem(f"{at}.sessionAffinitySeconds", str(options.session_affinity_seconds), rule, remedy)
    families = options.ip_families
    if len(families) != len(set(families)):
        rule = "names a family twice"
        yield Problem(f"{at}.ipFamilies", shown(list(families)), rule, remove_command(f"{at}.ipFamilies[1]"))
    elif len(families) > 1 and options.ip_family_policy in {None, "SingleStack"}:
        rule = "names two families, and a Service has both only with another ipFamilyPolicy than SingleStack"
        remedy = set_command(f"{at}.ipFamilyPolicy", "PreferDualStack")
        yield Problem(f"{at}.ipFamilies", shown(list(families)), rule, remedy)
    if (
        isinstance(service, CanarySettings)
        and service.service_port is not None
        and service.canary.traffic != "replicas"
    ):
        rule = f"the routes of canary.traffic {service.canary.traffic} name the port, and would not follow another one"
        own = f"{path}.servicePort"
        yield Problem(own, str(service.service_port), rule, remove_command(own))
    spread = service.spread
    strict = (spread.when_unsatisfiable, spread.topology_key, spread.max_skew) == ("DoNotSchedule", HOSTNAME_LABEL, 1)
    policies = {
        "externalTrafficPolicy": options.external_traffic_policy,
        "internalTrafficPolicy": options.internal_traffic_policy,
    }
    for key, policy in policies.items():
        if policy == "Local" and not strict:
            rule = (
                "routes to pods of the same node alone: after a switch a node without a pod of the new version answers "
                f"no request, so it needs a strict spread over nodes ({HOSTNAME_LABEL}, DoNotSchedule, maxSkew 1)"
            )
            yield Problem(f"{at}.{key}", "'Local'", rule, set_command(f"{at}.{key}", "Cluster"))


def _type_problems(at: str, path: str, service: ServiceSettings) -> Iterator[Problem]:
    options = service.service_options
    if options.type == "ClusterIP":
        yield from _without_node_ports(at, path, service, options)
    if options.type != "LoadBalancer":
        options_of_type = {
            "loadBalancerClass": options.load_balancer_class,
            "loadBalancerSourceRanges": options.load_balancer_source_ranges,
        }
        for key, value in options_of_type.items():
            if value:
                rule = f"is of type LoadBalancer, and the type is {options.type}"
                yield Problem(f"{at}.{key}", shown(value), rule, set_command(f"{at}.type", "LoadBalancer"))


def _without_node_ports(at: str, path: str, service: ServiceSettings, options: ServiceOptions) -> Iterator[Problem]:
    fixed = {f"{path}.nodePort": service.node_port}
    fixed |= {below(path, "ports", name, "nodePort"): port.node_port for name, port in service.ports.items()}
    for key, port in fixed.items():
        if port is not None:
            rule = "a Service of type ClusterIP has no port on the nodes"
            yield Problem(
                key, str(port), rule, f"Remove it: {remove_value(key)}, or: {set_value(f'{at}.type', 'NodePort')}"
            )
    if options.external_traffic_policy is not None:
        rule = "is of type NodePort and LoadBalancer: a ClusterIP cannot be reached from outside"
        own = f"{at}.externalTrafficPolicy"
        yield Problem(own, shown(options.external_traffic_policy), rule, remove_command(own))
    if isinstance(service, CanarySettings) and service.canary.traffic == "alb":
        rule = "the load balancer of canary.traffic alb finds the pods by their Service's port on the nodes"
        yield Problem(f"{at}.type", "'ClusterIP'", rule, set_command(f"{at}.type", "NodePort"))
