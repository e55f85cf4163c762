"""The Job of a hook. No Service selects its pod, and nothing restarts it."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from switchyard.config.kubernetes import BATCH
from switchyard.config.models.hooks import Hook, HookJob, HookPoint
from switchyard.config.models.service import BlueGreenSettings
from switchyard.config.types.text import LABEL_LIMIT
from switchyard.config.types.values import image_reference
from switchyard.manifests.containers import container_security, resources
from switchyard.manifests.environment import sources, variables, whole_objects
from switchyard.manifests.labels import MANAGED
from switchyard.manifests.manifest import Manifest
from switchyard.manifests.pods import pod_security
from switchyard.manifests.volumes import pod_volumes, volume_mounts

CONTAINER = "hook"
"""Name of the container of a hook's pod."""

SERVICE = "switchyard/service"
"""Label: key of the service that a hook is of. It is not the label `app`, which Services select."""

RELEASE = "switchyard/release"
"""Label: ID of the release that a hook is of."""

HOOK = "switchyard/hook"
"""Label: name of the hook."""

KEPT = timedelta(days=7)
"""Time for which an ended Job is kept, so that a resumed release can read its result."""

_DIGEST = 10
"""Number of characters of the digest in the name of a Job."""


@dataclass(frozen=True)
class HookContext:
    """The information that a hook receives about its release.

    Attributes:
        service: key of the service in the configuration.
        name: name of the service's objects.
        release: ID of the release.
        point: the point at which the hook runs.
        from_tag: the previous version; None if it is not known.
        tag: the version that is released, or at a rollback the one that serves again; None if unknown.
        colour: colour of that version.
    """

    service: str
    name: str
    release: str
    point: HookPoint
    from_tag: str | None
    tag: str | None
    colour: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of a Job, and the keys of the body of an HTTP call in capitals."""
        return {
            "SWITCHYARD_SERVICE": self.service,
            "SWITCHYARD_RELEASE": self.release,
            "SWITCHYARD_FROM_TAG": self.from_tag or "",
            "SWITCHYARD_TAG": self.tag or "",
            "SWITCHYARD_COLOUR": self.colour,
        }


def job_name(context: HookContext, hook: str) -> str:
    """The name of a Job, which is the same for every attempt of one release.

    Args:
        context: context of the hook.
        hook: name of the hook.
    """
    digest = hashlib.sha256(f"{context.name}/{context.release}/{hook}".encode()).hexdigest()[:_DIGEST]
    readable = f"{context.name}-{hook}"[: LABEL_LIMIT - _DIGEST - 1].rstrip("-")
    return f"{readable}-{digest}"


def hook_labels(context: HookContext, hook: str) -> dict[str, str]:
    """The labels of a Job and of its pod.

    Args:
        context: context of the hook.
        hook: name of the hook.
    """
    return {**MANAGED, SERVICE: context.name, RELEASE: context.release, HOOK: hook}


def hook_job(hook: Hook, job: HookJob, context: HookContext, service: BlueGreenSettings) -> Manifest:
    """The Job of a hook.

    Args:
        hook: the hook.
        job: the configured Job of the hook.
        context: the information that the hook receives.
        service: settings of the service, whose placement and security settings the Job has.
    """
    labels = hook_labels(context, hook.name)
    return {
        "apiVersion": BATCH,
        "kind": "Job",
        "metadata": {"name": job_name(context, hook.name), "namespace": service.namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": hook.timeout_seconds,
            "ttlSecondsAfterFinished": int(KEPT.total_seconds()),
            "template": {"metadata": {"labels": labels}, "spec": _pod(job, context, service)},
        },
    }


def _pod(job: HookJob, context: HookContext, service: BlueGreenSettings) -> Manifest:
    mounted = {mount.volume for mount in job.mounts}
    pod: Manifest = {
        "restartPolicy": "Never",
        "serviceAccountName": job.service_account_name or service.service_account.name or context.name,
        "enableServiceLinks": False,
        "nodeSelector": dict(service.node_selector),
        "securityContext": pod_security(service.security),
        "containers": [_container(job, context, service)],
        "volumes": pod_volumes({name: volume for name, volume in service.volumes.items() if name in mounted}),
    }
    if job.service_account_name is None:  # one that is named for the hook says itself whether it has a token
        pod["automountServiceAccountToken"] = service.service_account.automount_token
    if service.tolerations:
        pod["tolerations"] = [
            toleration.model_dump(by_alias=True, exclude_none=True) for toleration in service.tolerations
        ]
    if service.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": secret} for secret in service.image_pull_secrets]
    return pod


def _container(job: HookJob, context: HookContext, service: BlueGreenSettings) -> Manifest:
    # The release's own variables win: what a hook gets to know must be true.
    by_name = sources(job) | {name: {"value": value} for name, value in context.variables.items()}
    container: Manifest = {
        "name": CONTAINER,
        "image": job.image or image_reference(service.image, context.tag),
        "imagePullPolicy": service.image_pull_policy,
        "env": variables(by_name),
        "resources": resources(job.resources),
        "securityContext": container_security(service.security),
        "volumeMounts": volume_mounts(job.mounts),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if job.command:
        container["command"] = list(job.command)
    if job.args:
        container["args"] = list(job.args)
    if env_from := whole_objects(job.env_from):
        container["envFrom"] = env_from
    return container
