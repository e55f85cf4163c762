"""A kubeconfig of one file in the forms that the cases need."""

from tests.support.kubeconfigs import REFUSED, Case, plugin

PLAIN = "A: Bearer one"

LOCALHOST = REFUSED
"""kubectl turns to localhost:8080, where nothing is."""


def config_case(name: str, content: str | bytes, expected: str, message: str = "", **more: str) -> Case:
    return Case(name, {"config": content}, expected, message, setting="@DIR@/config", **more)


def plugin_case(
    name: str, script: str, expected: str, message: str = "", *, version: str = "v1", more: str = ""
) -> Case:
    return Case(name, plugin(script, version=version, more=more), expected, message, setting="@DIR@/config")
