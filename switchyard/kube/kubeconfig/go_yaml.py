"""YAML as kubectl reads it: which plain scalars are text, and which are numbers or booleans."""

import re

import yaml

PREFIX = "tag:yaml.org,2002:"
BOOL = re.compile(r"^(?:y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE|n|N|no|No|NO|off|Off|OFF|false|False|FALSE)$")
NUMBER = re.compile(
    r"^[-+]?(?:0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$"
)


class GoLoader(yaml.SafeLoader):
    """The rules of sigs.k8s.io/yaml: dates and 12:30 are text, `y` is true, `1e3` is a number.

    All numbers are read as 0, because a kubeconfig has no number fields and only the type matters.
    """


GoLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in {f"{PREFIX}null", f"{PREFIX}merge"}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
GoLoader.add_implicit_resolver(f"{PREFIX}bool", BOOL, list("yYnNtTfFoO"))
GoLoader.add_implicit_resolver(f"{PREFIX}float", NUMBER, list("-+.0123456789"))
GoLoader.add_constructor(f"{PREFIX}float", lambda *_: 0)
GoLoader.add_constructor(f"{PREFIX}bool", lambda _, node: node.value[:1] in "yYtT" or node.value[1:] in {"n", "N"})
