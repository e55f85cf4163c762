"""Hosts and paths that both the API server takes in an Ingress and Elastic Load Balancing takes in a rule.

Sources: the API server's validation of an Ingress (kubernetes, pkg/apis/networking/validation); Elastic Load
Balancing, Condition types for listener rules, Add a listener rule, and Quotas for your Application Load Balancers.
"""

import re
from ipaddress import IPv4Address
from typing import Annotated

from switchyard.config.types.rules import Checked
from switchyard.config.types.text import LABEL_LIMIT, Subdomain

VALUE_LIMIT = 128
"""Characters of one value of a condition: of a host, and of a path pattern."""

RULES_LIMIT = 100
"""Number of rules of a load balancer, without default ones: AWS's default quota."""

BELOW = "/*"
"""Suffix that the controller adds to a prefix for the second pattern of a rule, which matches all paths below it."""

PATH_CHARACTERS = "A-Z a-z 0-9 _ - . $ / ~ \" ' @ : + &"
"""Characters of a path pattern. Its wildcards, * and ?, are left out: the controller refuses them in a prefix."""

_PATH = re.compile(r"""[A-Za-z0-9_.$/~"'@:+&-]*""")

_REFUSED_PARTS = ("//", "/./", "/../")
_REFUSED_ENDS = ("/.", "/..")
"""Ends of a path that the API server refuses, because a client or a proxy would normalise them."""


def _path(path: str) -> str:
    if (rule := _path_rule(path)) is not None:
        raise ValueError(rule)
    return path


def _path_rule(path: str) -> str | None:
    """Why an Ingress may not have this prefix; None if it may."""
    if not path.startswith("/"):
        return "must begin with / | Example: /api"
    if "%" in path:
        return (
            "a path pattern of Elastic Load Balancing takes no %: it compares the path as the client sends it, and the "
            "API server refuses an encoded / | Route a prefix that needs no encoding. Example: /api"
        )
    if wildcards := [sign for sign in "*?" if sign in path]:
        return (
            f"is a prefix already, and the load balancer controller refuses {' and '.join(wildcards)} in one | "
            "Remove it: /api also takes what is below it"
        )
    if _PATH.fullmatch(path) is None:
        return f"a path pattern of Elastic Load Balancing takes {PATH_CHARACTERS} | Example: /api"
    for part in _REFUSED_PARTS:
        if part in path:
            return f"the API server refuses {part} in the path of an Ingress | Write each part once. Example: /api/v1"
    for end in _REFUSED_ENDS:
        if path.endswith(end):
            return f"the API server refuses a path that ends in {end} | Remove it. Example: /api"
    longest = VALUE_LIMIT - len(BELOW)
    if len(path.removesuffix("/")) > longest:
        return (
            f"has {len(path)} characters: a path pattern of Elastic Load Balancing has at most {VALUE_LIMIT}, and the "
            f"controller adds {BELOW} to a prefix, so that it may have {longest} | Take a shorter prefix"
        )
    return None


def _host(host: str) -> str:
    if (rule := _host_rule(host)) is not None:
        raise ValueError(rule)
    return host


def _host_rule(host: str) -> str | None:
    """Why a rule may not have this host, which is a DNS subdomain; None if it may."""
    if _is_address(host):
        return "the API server takes a DNS name for the host of an Ingress, and no address | Example: api.example.org"
    if len(host) > VALUE_LIMIT:
        return (
            f"has {len(host)} characters: a host of Elastic Load Balancing has at most {VALUE_LIMIT} | "
            "Take a shorter name"
        )
    if long := [label for label in host.split(".") if len(label) > LABEL_LIMIT]:
        return (
            f"{long[0]} has {len(long[0])} characters: a label of DNS has at most {LABEL_LIMIT} | Take a shorter name"
        )
    _, dot, last = host.rpartition(".")
    if not dot:
        return "a host of Elastic Load Balancing has at least one dot | Example: api.example.org"
    if not last.isalpha():
        return (
            f"ends in .{last}: after the last dot a host of Elastic Load Balancing has letters alone | "
            "Example: api.example.org"
        )
    return None


def _is_address(host: str) -> bool:
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


RoutePath = Annotated[
    str, Checked(_path, f"begins with /, of {PATH_CHARACTERS}, at most {VALUE_LIMIT - len(BELOW)} characters")
]
"""Prefix of a path, for a rule of the load balancer."""

RouteHost = Annotated[
    Subdomain, Checked(_host, f"a DNS name in lower case with at least one dot, at most {VALUE_LIMIT} characters")
]
"""A host, for a rule of the load balancer; a name of DNS in small letters, as the API server wants it."""
