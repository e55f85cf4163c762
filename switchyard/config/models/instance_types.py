"""The common families of EC2 instance types: vCPUs and memory of every size.

As of 2026-11-28, from the tables of "Amazon EC2 instance types" (docs.aws.amazon.com/ec2/latest/instancetypes). A test
compares them with a copy of EC2's own answer to DescribeInstanceTypes.
"""

import re
from collections.abc import Iterator

BURSTABLE = ("t2", "t3", "t3a", "t4g")
"""Families whose machines earn and spend CPU credits."""

NOT_EBS_OPTIMIZED = ("c1", "c3", "g2", "i2", "m1", "m2", "m3", "r3", "t1", "t2")
"""Families with sizes that EC2 refuses to start with EBS optimization. All later ones have it in any case."""

_BURSTABLE_FAMILIES = ("t3", "t3a", "t4g")
"""Families with the sizes of `_BURSTABLE_SIZES`."""

_BURSTABLE_SIZES = {
    "micro": (2, 1024),
    "small": (2, 2048),
    "medium": (2, 4096),
    "large": (2, 8192),
    "xlarge": (4, 16384),
    "2xlarge": (8, 32768),
}
"""By size, its vCPUs and MiB. The nano sizes are left out: the kubelet's reservations leave no room there."""

_USUAL = (1, 2, 4, 8, 12, 16)
"""Sizes of most families, in units of `xlarge`, which has 4 vCPUs. Each family has `large`, with 2, as well."""

_GENERAL, _COMPUTE, _MEMORY = 4, 2, 8
"""GiB for each vCPU, of families m, c and r."""

_FAMILIES: dict[str, tuple[int, tuple[int, ...]]] = {
    "m5": (_GENERAL, (*_USUAL, 24)),
    "m5a": (_GENERAL, (*_USUAL, 24)),
    "m6i": (_GENERAL, (*_USUAL, 24, 32)),
    "m6a": (_GENERAL, (*_USUAL, 24, 32, 48)),
    "m6g": (_GENERAL, _USUAL),
    "m7i": (_GENERAL, (*_USUAL, 24, 48)),
    "m7a": (_GENERAL, (*_USUAL, 24, 32, 48)),
    "m7g": (_GENERAL, _USUAL),
    "c5": (_COMPUTE, (1, 2, 4, 9, 12, 18, 24)),
    "c5a": (_COMPUTE, (*_USUAL, 24)),
    "c6i": (_COMPUTE, (*_USUAL, 24, 32)),
    "c6a": (_COMPUTE, (*_USUAL, 24, 32, 48)),
    "c6g": (_COMPUTE, _USUAL),
    "c7i": (_COMPUTE, (*_USUAL, 24, 48)),
    "c7a": (_COMPUTE, (*_USUAL, 24, 32, 48)),
    "c7g": (_COMPUTE, _USUAL),
    "r5": (_MEMORY, (*_USUAL, 24)),
    "r5a": (_MEMORY, (*_USUAL, 24)),
    "r6i": (_MEMORY, (*_USUAL, 24, 32)),
    "r6a": (_MEMORY, (*_USUAL, 24, 32, 48)),
    "r6g": (_MEMORY, _USUAL),
    "r7i": (_MEMORY, (*_USUAL, 24, 48)),
    "r7g": (_MEMORY, _USUAL),
}
"""GiB for each vCPU, and sizes in units of `xlarge`, by family."""

FAMILIES = (*_BURSTABLE_FAMILIES, *_FAMILIES)
"""Families of which the sizes are known."""

_TYPE = re.compile(r"(?P<family>[a-z]+\d+(?P<options>[a-z]*)(-[a-z0-9]+)?)\.[a-z0-9-]+")


def instance_types() -> Iterator[tuple[str, int, int]]:
    """Every known type: its name, its vCPUs and its nominal memory in MiB."""
    for family in _BURSTABLE_FAMILIES:
        for size, (vcpu, memory_mib) in _BURSTABLE_SIZES.items():
            yield f"{family}.{size}", vcpu, memory_mib
    for family, (ratio, sizes) in _FAMILIES.items():
        yield f"{family}.large", 2, 2 * ratio * 1024
        for units in sizes:
            yield f"{family}.{'' if units == 1 else units}xlarge", 4 * units, 4 * units * ratio * 1024


def is_instance_type(name: str) -> bool:
    """Whether a name has the form of an EC2 instance type."""
    return _TYPE.fullmatch(name) is not None


def family(name: str) -> str:
    """Family of an instance type; the whole name where it is none."""
    match = _TYPE.fullmatch(name)
    return match["family"] if match is not None else name


def architecture(name: str) -> str:
    """Architecture of a machine, as Kubernetes names it: by EC2's names, a `g` behind the generation is Graviton."""
    match = _TYPE.fullmatch(name)
    graviton = match is not None and ("g" in match["options"] or match["family"] == "a1")
    return "arm64" if graviton else "amd64"
