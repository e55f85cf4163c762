"""Registers a rendered manifest as a resource, under the guard of this run."""

from typing import TypeVar

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pydantic.alias_generators import to_snake

from components.guard import DeletedBy, guarded
from render.pods import Manifest

Kind = TypeVar("Kind", bound=pulumi.CustomResource)


def register(
    kind: type[Kind],
    name: str,
    manifest: Manifest,
    opts: pulumi.ResourceOptions,
    deleted_by: DeletedBy = "guard",
) -> Kind:
    """Registers a manifest under the provider's class for its kind.

    The class itself gives the API version and kind, and takes its arguments in snake case; what is below them
    is passed on as rendered. A patch changes an object that belongs to somebody else, and is not guarded.

    Args:
        kind: the provider's class.
        name: the engine's name for the resource.
        manifest: the object.
        opts: of the resource.
        deleted_by: who deletes the object when the stack lets go of it.
    """
    if not kind.__name__.endswith("Patch"):
        manifest, opts = guarded(manifest, opts, deleted_by)
    fields = {to_snake(key): value for key, value in manifest.items() if key not in {"apiVersion", "kind"}}
    return kind(name, opts=opts, **fields)


def register_custom(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> CustomResource:
    """Registers an object of a kind that the provider has no class for; arguments as of `register`."""
    manifest, opts = guarded(manifest, opts)
    return CustomResource(
        name,
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata=manifest["metadata"],
        spec=manifest["spec"],
        opts=opts,
    )
