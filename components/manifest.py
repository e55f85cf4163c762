"""Registers a rendered manifest as a resource."""

from typing import TypeVar

import pulumi
from pydantic.alias_generators import to_snake

from render.pods import Manifest

Kind = TypeVar("Kind", bound=pulumi.CustomResource)


def register(kind: type[Kind], name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> Kind:
    """Registers a manifest under the provider's class for its kind.

    The class itself gives the API version and kind, and takes its arguments in snake case; what is below them
    is passed on as rendered.
    """
    fields = {to_snake(key): value for key, value in manifest.items() if key not in {"apiVersion", "kind"}}
    return kind(name, opts=opts, **fields)
