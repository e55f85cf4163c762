"""A valid configuration, and functions that change and read it."""

import copy
from typing import Any

import pytest

from switchyard.config.errors import SettingsError
from switchyard.config.loader import StackSettings, load

BACKEND: dict[str, Any] = {
    "image": "ghcr.io/org/backend",
    "active": "blue",
    "blue": {"tag": "v1.0.0", "replicas": 3},
    "green": {"tag": "v2.0.0", "replicas": 0},
}
EXISTING: dict[str, Any] = {"kind": "existing"}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Returns the backend with one value changed; None removes it."""
    service = copy.deepcopy(BACKEND)
    *above, last = path.split(".")
    node = service
    for key in above:
        node = node.setdefault(key, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return service


def read(services: Any, cluster: Any = EXISTING, stack: str = "test") -> StackSettings:
    return load(cluster, services, stack)


def error_lines(services: Any, cluster: Any = EXISTING, stack: str = "test") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(services, cluster, stack)
    return [str(problem) for problem in caught.value.problems]
