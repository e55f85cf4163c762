"""Manifests that a service has whatever its strategy: its account, the Service that users reach, its pods."""

from typing import Any

from render.environment import environment
from render.labels import APPLY, SKIP_AWAIT, object_labels, selector
from settings.service import ColourSettings, HttpProbe, ServiceSettings, Track

Manifest = dict[str, Any]
"""A Kubernetes object as the API takes it: camelCase keys, plain values."""

CONTAINER = "app"
"""Name of the application's container in every pod."""

PORT = "http"
"""Name of the application's port, in pods and in Services."""


def service_account(name: str, service: ServiceSettings) -> Manifest:
    """The pods' identity: an account of their own, so that none is shared, with no token to steal."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(name, name, service),
        "automountServiceAccountToken": False,
    }


def active_service(name: str, service: ServiceSettings, selected: dict[str, str] | None = None) -> Manifest:
    """The Service that users reach, a NodePort whose selector is the switch.

    Args:
        name: the service's name.
        service: its settings.
        selected: what it selects; None takes the pods of its track.
    """
    port: dict[str, Any] = service_port(service)
    if service.node_port is not None:
        port["nodePort"] = service.node_port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, name, service, SKIP_AWAIT),
        "spec": {"type": "NodePort", "selector": selected or selector(name, service.track), "ports": [port]},
    }


def metadata(
    name: str, service_name: str, service: ServiceSettings, annotations: dict[str, str] | None = None
) -> Manifest:
    """Of an object that belongs to a service."""
    return {
        "name": name,
        "namespace": service.namespace,
        "labels": object_labels(service_name),
        "annotations": APPLY | (annotations or {}),
    }


def service_port(service: ServiceSettings) -> Manifest:
    """The one port of every Service."""
    # Every field that the API server would default is given, so that a refresh finds nothing to add.
    return {"name": PORT, "port": service.port, "targetPort": service.port, "protocol": "TCP"}


def pod_template(
    name: str, track: Track, service: ServiceSettings, tag: str | None, own: ColourSettings | None = None
) -> Manifest:
    """The pods of one track.

    Args:
        name: the service's name.
        track: which pods.
        service: its settings.
        tag: of the image.
        own: environment of the track alone.
    """
    labels = selector(name, track)
    head: Manifest = {"labels": labels}
    if service.pod_annotations:
        head["annotations"] = dict(service.pod_annotations)
    spec: Manifest = {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": dict(service.node_selector),
        "terminationGracePeriodSeconds": service.drain.termination_grace_period_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": service.security.run_as_user,
            "runAsGroup": service.security.run_as_user,
            "fsGroup": service.security.run_as_user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "DoNotSchedule",
                # A node that is cordoned or lost counts as no domain: the other one takes all pods then,
                # instead of leaving some Pending for the sake of the spread.
                "nodeTaintsPolicy": "Honor",
                "labelSelector": {"matchLabels": labels},
                # A rolling update inside a colour spreads the new pods, whatever the old ones occupy.
                "matchLabelKeys": ["pod-template-hash"],
            }
        ],
        "containers": [_container(track, service, tag, own or ColourSettings())],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if service.tolerations:
        spec["tolerations"] = [
            toleration.model_dump(by_alias=True, exclude_none=True) for toleration in service.tolerations
        ]
    if service.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret} for secret in service.image_pull_secrets]
    return {"metadata": head, "spec": spec}


def _container(track: Track, service: ServiceSettings, tag: str | None, own: ColourSettings) -> Manifest:
    return {
        "name": CONTAINER,
        "image": f"{service.image}:{tag}",
        "imagePullPolicy": service.image_pull_policy,
        "ports": [{"name": PORT, "containerPort": service.port, "protocol": "TCP"}],
        "env": environment(track, service, own),
        "resources": service.resources.model_dump(by_alias=True),
        "livenessProbe": _probe(service.liveness),
        "readinessProbe": _probe(service.readiness),
        # The kubelet's own sleep needs no shell in the image. While it lasts the pod goes on answering, so
        # that every node learns that the endpoint is gone before the process is told to end.
        "lifecycle": {"preStop": {"sleep": {"seconds": service.drain.pre_stop_seconds}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": service.security.read_only_root_filesystem,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a volume of the pod's own
    }


def _probe(probe: HttpProbe) -> Manifest:
    return {
        "httpGet": {"path": probe.path, "port": PORT},
        "initialDelaySeconds": probe.initial_delay_seconds,
        "periodSeconds": probe.period_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "failureThreshold": probe.failure_threshold,
    }
