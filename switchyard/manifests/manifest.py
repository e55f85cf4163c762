"""The type that every renderer of Kubernetes objects returns."""

from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one, as the API takes it: camelCase keys, plain values."""
