"""Manifests that every strategy has: the ServiceAccount, the Service that users reach, the pod template."""

import hashlib
import json
from collections.abc import Mapping

from switchyard.config.kubernetes import POD_TEMPLATE_HASH
from switchyard.config.models.base import Model
from switchyard.config.models.pod import DnsConfig, Security
from switchyard.config.models.pod_settings import PORT
from switchyard.config.models.service import ColourSettings, ServiceSettings, Track
from switchyard.config.pod_schema import merged
from switchyard.manifests.containers import app_container, companions, restartable_containers
from switchyard.manifests.environment import in_order
from switchyard.manifests.labels import APPLY, CONTENT_HASH, SKIP_AWAIT, object_labels, selector
from switchyard.manifests.manifest import Manifest
from switchyard.manifests.volumes import pod_volumes

__all__ = [
    "PORT",
    "Manifest",
    "active_service",
    "metadata",
    "moved_ports",
    "pod_template",
    "service_account",
    "service_ports",
]


def service_account(name: str, service: ServiceSettings) -> Manifest:
    """The ServiceAccount of the pods: one for each service, without a token that could be stolen."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(name, name, service, dict(service.service_account.annotations)),
        "automountServiceAccountToken": False,
    }


def active_service(name: str, service: ServiceSettings, selected: dict[str, str] | None = None) -> Manifest:
    """The Service that users reach, whose selector is the switch.

    Args:
        name: the service's name.
        service: settings of the service.
        selected: selector of the Service; None for the pods of the active track.
    """
    options = service.service_options
    spec: Manifest = {
        "type": options.type,
        "selector": selected or selector(name, service.track),
        "ports": service_ports(service, node_ports=True),
    }
    optional: Manifest = {
        "sessionAffinity": options.session_affinity,
        "externalTrafficPolicy": options.external_traffic_policy,
        "internalTrafficPolicy": options.internal_traffic_policy,
        "ipFamilyPolicy": options.ip_family_policy,
        "ipFamilies": list(options.ip_families),
        "loadBalancerClass": options.load_balancer_class,
        "loadBalancerSourceRanges": list(options.load_balancer_source_ranges),
    }
    spec |= {key: value for key, value in optional.items() if value}
    if options.session_affinity_seconds is not None:
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": options.session_affinity_seconds}}
    annotations = SKIP_AWAIT | options.annotations
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, name, service, annotations),
        "spec": spec,
    }


def metadata(
    name: str, service_name: str, service: ServiceSettings, annotations: dict[str, str] | None = None
) -> Manifest:
    """The metadata of an object that belongs to a service."""
    return {
        "name": name,
        "namespace": service.namespace,
        "labels": object_labels(service_name) | service.labels,
        "annotations": APPLY | (annotations or {}),
    }


def service_ports(service: ServiceSettings, *, node_ports: bool = False) -> list[Manifest]:
    """The ports of a Service of a service.

    Args:
        service: settings of the service.
        node_ports: whether the fixed ports on the nodes are this Service's.
    """
    # Every field that the API server would default is given, so that a refresh finds nothing to add.
    first = {"name": PORT, "port": service.exposed_port, "targetPort": service.port, "protocol": "TCP"}
    ports = [first | _app_protocol(service.service_options.app_protocol)]
    fixed = [service.node_port]
    for name, port in service.ports.items():
        if port.service_port is not None:
            target = {"targetPort": port.container_port, "protocol": port.protocol}
            ports.append({"name": name, "port": port.service_port, **target, **_app_protocol(port.app_protocol)})
            fixed.append(port.node_port)
    if not node_ports:
        return ports
    return [port if number is None else port | {"nodePort": number} for port, number in zip(ports, fixed, strict=True)]


def _app_protocol(protocol: str | None) -> Manifest:
    return {} if protocol is None else {"appProtocol": protocol}


def moved_ports(service: ServiceSettings, targets: Mapping[str, int | str]) -> dict[str, int]:
    """The ports of pods that the Services are to target in place of others, by the names of the ports.

    A target that is the name of the port is the port that each pod has under that name.

    Args:
        service: settings of the service.
        targets: the ports that the Service on the cluster targets, by the names of its ports.
    """
    wanted = {port["name"]: port["targetPort"] for port in service_ports(service)}
    return {name: number for name, number in wanted.items() if targets.get(name, number) not in {number, name}}


def pod_template(
    name: str,
    track: Track,
    service: ServiceSettings,
    tag: str | None,
    own: ColourSettings | None = None,
    content: str | None = None,
) -> Manifest:
    """The pod template of one track.

    Args:
        name: the service's name.
        track: track of the pods.
        service: settings of the service.
        tag: tag of the image.
        own: settings of the track alone.
        content: hash of the ConfigMaps and Secrets that make a new version; None renders none.
    """
    own = own or ColourSettings()
    labels = selector(name, track)
    head: Manifest = {"labels": labels | service.pod_labels}
    if annotations := dict(service.pod_annotations) | ({} if content is None else {CONTENT_HASH: content}):
        head["annotations"] = annotations
    spec: Manifest = {
        "serviceAccountName": service.service_account.name or name,
        "automountServiceAccountToken": service.service_account.automount_token,
        "enableServiceLinks": False,
        "nodeSelector": dict(service.node_selector),
        "terminationGracePeriodSeconds": service.drain.termination_grace_period_seconds,
        "securityContext": pod_security(service.security),
        "topologySpreadConstraints": [
            {
                "maxSkew": service.spread.max_skew,
                "topologyKey": service.spread.topology_key,
                "whenUnsatisfiable": service.spread.when_unsatisfiable,
                # A cordoned or lost node does not count as a domain, so the other node takes all pods,
                # instead of leaving some Pending for the sake of the spread.
                "nodeTaintsPolicy": "Honor",
                "labelSelector": {"matchLabels": labels},
                # A rolling update inside a colour spreads the new pods, whatever the old ones occupy.
                "matchLabelKeys": [POD_TEMPLATE_HASH],
            }
        ],
        "containers": [app_container(track, service, tag, own), *companions(service)],
        "volumes": pod_volumes(service.volumes | own.volumes),
        **_optional(service),
    }
    template = {"metadata": head, "spec": spec}
    return _patched(template, service.pod_patch) if service.pod_patch else template


def _patched(template: Manifest, patch: Manifest) -> Manifest:
    """A pod template after a strategic merge patch, whose variables can refer to each other like all others."""
    result: Manifest = merged(template, patch)
    for key in ("containers", "initContainers"):
        for container in result["spec"].get(key) or ():
            if container.get("env"):
                container["env"] = in_order(container["env"])
    return result


def digest(template: Manifest) -> str:
    """A digest of a pod template: equal for equal templates, and one that reveals nothing of it."""
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:16]


def _optional(service: ServiceSettings) -> Manifest:
    """Fields of a pod that only some settings have."""
    optional: Manifest = {
        "initContainers": restartable_containers(service),
        "tolerations": [_plain(toleration) for toleration in service.tolerations],
        "imagePullSecrets": [{"name": secret} for secret in service.image_pull_secrets],
        "affinity": service.affinity,
        "priorityClassName": service.priority_class_name,
        "runtimeClassName": service.runtime_class_name,
        "hostAliases": [{"ip": alias.ip, "hostnames": list(alias.hostnames)} for alias in service.host_aliases],
        "dnsPolicy": service.dns_policy,
        "dnsConfig": None if service.dns_config is None else _dns_config(service.dns_config),
    }
    return {key: value for key, value in optional.items() if value}


def pod_security(security: Security) -> Manifest:
    """The security context that the restricted pod security level requires of a pod."""
    rendered: Manifest = {
        "runAsNonRoot": True,
        "runAsUser": security.run_as_user,
        "runAsGroup": security.run_as_user if security.run_as_group is None else security.run_as_group,
        "fsGroup": security.run_as_user if security.fs_group is None else security.fs_group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if security.fs_group_change_policy is not None:
        rendered["fsGroupChangePolicy"] = security.fs_group_change_policy
    if security.supplemental_groups:
        rendered["supplementalGroups"] = list(security.supplemental_groups)
    return rendered


def _dns_config(settings: DnsConfig) -> Manifest:
    fields: Manifest = {
        "nameservers": list(settings.nameservers),
        "searches": list(settings.searches),
        "options": [_plain(option) for option in settings.options],
    }
    return {key: values for key, values in fields.items() if values}


def _plain(model: Model) -> Manifest:
    return model.model_dump(by_alias=True, exclude_none=True)
