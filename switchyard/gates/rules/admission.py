"""Whether the cluster's admission has rewritten a pod template, and the report of what it changed."""

from collections.abc import Mapping
from typing import Any

from switchyard.codes import Code
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import key_of
from switchyard.config.types.quantity import parse_quantity
from switchyard.gates.rules.refusal import notice
from switchyard.kube.differences import ABSENT, Difference, differences, listed, managers
from switchyard.manifests.labels import CONFIGURED_PODS, FIELD_MANAGER
from switchyard.manifests.pods import Manifest

ADDED = ("spec.containers[", "spec.initContainers[", "spec.volumes[")
"""Fields that admission adds and an API server's own defaults do not."""


def is_rewritten(manifest: Manifest, live: Mapping[str, Any]) -> bool:
    """Whether the pod template of a Deployment or Rollout differs from the stack only by changes of admission.

    The stack must not have changed since its last apply, and no other manager may have set a field that differs.

    Args:
        manifest: the object in the stack.
        live: the object on the cluster.
    """
    digest = manifest["metadata"]["annotations"][CONFIGURED_PODS]
    if live["metadata"].get("annotations", {}).get(CONFIGURED_PODS) != digest:
        return False
    fields = rewritten_fields(manifest["spec"]["template"], live["spec"]["template"])
    return bool(fields) and all(managers(live, field.keys) == {FIELD_MANAGER} for field in fields)


def rewritten_fields(configured: Mapping[str, Any], live: Mapping[str, Any]) -> list[Difference]:
    """Fields of the stack's pod template that have another value on the cluster.

    Fields that only the cluster has, such as defaults and sidecars, are not compared.
    """
    return [field for field in differences(configured, live) if field.before is not ABSENT and not _equal(field)]


def _equal(difference: Difference) -> bool:
    """Whether two values are equal to the API server, which omits empty values and normalizes quantities."""
    if difference.after is ABSENT:
        return not difference.before
    if ".resources." not in difference.path:
        return False
    try:
        return parse_quantity(str(difference.before)) == parse_quantity(str(difference.after))
    except ValueError:
        return False


def warn_template_rewritten(
    name: str, track: Track, configured: Mapping[str, Any], live: Mapping[str, Any]
) -> str | None:
    """Reports what the cluster's admission has changed in a template that this update applied; None if nothing."""
    added = [
        field
        for field in differences(configured, live)
        if field.before is ABSENT and field.path.startswith(ADDED) and isinstance(field.after, Mapping)
    ]
    changed = [*rewritten_fields(configured, live), *added]
    if not changed:
        return None
    report = f"the cluster's admission has changed the pods of {track}: {listed(changed)}"
    return notice(Code.IMAGE_REWRITTEN, key_of(name), report)
