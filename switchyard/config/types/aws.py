"""Values of AWS and of a kubeadm cluster on it, each with the rule that an error message states."""

from ipaddress import IPv4Network
from typing import Annotated

from switchyard.config.types.rules import Checked
from switchyard.config.types.text import matching


def _network(value: object) -> object:
    """Accepts only a text with a prefix: Python turns a number or a single address into a network of one address."""
    if isinstance(value, IPv4Network):
        return value
    try:
        return IPv4Network(value if isinstance(value, str) and "/" in value else "")
    except ValueError:
        raise ValueError(
            "must be an IPv4 network: its first address, / and the length of its prefix | Example: 10.0.0.0/16"
        ) from None


Cidr = Annotated[
    IPv4Network,
    Checked(
        _network,
        "an IPv4 network: its first address, / and the length of its prefix",
        {"type": "string", "pattern": "^[0-9]{1,3}([.][0-9]{1,3}){3}/[0-9]{1,2}$"},
        before=True,
    ),
]

NodeName = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        "must be a DNS label, it is the machine's hostname: at most 63 of a-z 0-9 -, not - at an end | "
        "Example: k8s-worker-3",
    ),
]

# The AWS Load Balancer Controller reads tags as key=value,key=value: a key ends at the first = and spaces around either
# are dropped. Everywhere, with a load balancer or without: the tags of a cluster are the same on all that it has, and
# the controller gets them in any case, as its defaultTags.
TagKey = Annotated[
    str,
    matching(
        r"(?! )[\w .:/+@-]{1,128}(?<! )",
        "must be the key of a tag: 1 to 128 letters, digits, spaces and _ . : / + - @, no space at an end; the "
        "controller of the load balancer would read a key with = as a shorter one",
    ),
]
TagValue = Annotated[
    str,
    matching(
        r"(?! )[\w .:/=+@-]{0,256}(?<! )",
        "must be the value of a tag: at most 256 letters, digits, spaces and _ . : / = + - @, no space at an end",
    ),
]

ClusterName = Annotated[
    str,
    matching(
        r"[a-z][-a-z0-9]{0,30}[a-z0-9]",
        "must be 2 to 32 of a-z 0-9 -, a letter first, not - last | Example: production",
    ),
]

KubernetesVersion = Annotated[
    str,
    matching(r"1\.[0-9]+\.[0-9]+", "must be a patch release of Kubernetes | Example: 1.34.1"),
]
