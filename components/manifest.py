"""Registers a rendered manifest as a resource, under the guard of this run."""

from collections.abc import Sequence
from typing import Any

import pulumi

from components.guard import DeletedBy, guarded
from components.kubernetes_provider import PACKAGE, plugin_version
from switchyard.manifests.pods import Manifest


class KubernetesObject(pulumi.CustomResource):
    """An object of Kubernetes, under the type token that the provider has for its API version and kind.

    The provider's own classes would add nothing but time: each API group is a module of several thousand lines, which
    takes longer to import than a small stack takes to preview. The fields of the object are outputs under their names
    in Kubernetes, in camel case and with every number a float.
    """

    metadata: pulumi.Output[dict[str, Any]]
    """The metadata of the object, as the API server returned it."""

    spec: pulumi.Output[dict[str, Any]]
    """The spec of the object, where its manifest has one, as the API server returned it."""

    status: pulumi.Output[dict[str, Any] | None]
    """The status of the object, where the registration asks for it."""

    def __init__(
        self, token: str, name: str, fields: Manifest, opts: pulumi.ResourceOptions, outputs: Sequence[str] = ()
    ) -> None:
        """Registers the object.

        Args:
            token: the type of the resource in the engine.
            name: the name of the resource in the engine.
            fields: the manifest.
            opts: the options of the resource.
            outputs: fields that the manifest does not have and the program reads.
        """
        version = pulumi.ResourceOptions(version=plugin_version())
        inputs = {**dict.fromkeys(outputs), **fields}
        super().__init__(token, name, inputs, pulumi.ResourceOptions.merge(version, opts))


def register(
    name: str,
    manifest: Manifest,
    opts: pulumi.ResourceOptions,
    deleted_by: DeletedBy = "guard",
    outputs: Sequence[str] = (),
) -> KubernetesObject:
    """Registers a manifest as an object of this stack.

    Args:
        name: the name of the resource in the engine.
        manifest: the object.
        opts: the options of the resource.
        deleted_by: who deletes the object when the stack no longer manages it.
        outputs: fields that the manifest does not have and the program reads.
    """
    manifest, opts = guarded(manifest, opts, deleted_by)
    return KubernetesObject(type_token(manifest), name, manifest, opts, outputs)


def register_patch(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> KubernetesObject:
    """Registers a patch of an object that belongs to somebody else, and so is not guarded.

    Args:
        name: the name of the resource in the engine.
        manifest: the fields of the object that this stack sets.
        opts: the options of the resource.
    """
    return KubernetesObject(f"{type_token(manifest)}Patch", name, manifest, opts)


def type_token(manifest: Manifest) -> str:
    """The type of the resource that the provider has for the API version and kind of an object."""
    version: str = manifest["apiVersion"]
    # The core group is the one without a name in an API version.
    return f"{PACKAGE}:{version if '/' in version else f'core/{version}'}:{manifest['kind']}"
