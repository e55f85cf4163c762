"""The partitions of AWS: what ARNs, service principals and host names of a region have in common."""

from collections.abc import Mapping
from types import MappingProxyType

COMMERCIAL = "aws"
"""The partition of every region that `PREFIXES` does not name."""

PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "cn-": "aws-cn",
        "us-gov-": "aws-us-gov",
        "us-iso-": "aws-iso",
        "us-isob-": "aws-iso-b",
        "us-isof-": "aws-iso-f",
        "eu-isoe-": "aws-iso-e",
    }
)
"""Partition by the beginning of a region's name (partitions.json of botocore)."""

DNS_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "aws": "amazonaws.com",
        "aws-cn": "amazonaws.com.cn",
        "aws-us-gov": "amazonaws.com",
        "aws-iso": "c2s.ic.gov",
        "aws-iso-b": "sc2s.sgov.gov",
        "aws-iso-e": "cloud.adc-e.uk",
        "aws-iso-f": "csp.hci.ic.gov",
    }
)
"""Domain of the host names of each partition (the same file)."""


def partition(region: str) -> str:
    """The partition of a region: the second part of each of its ARNs."""
    return next((name for prefix, name in PREFIXES.items() if region.startswith(prefix)), COMMERCIAL)


def dns_suffix(region: str) -> str:
    """The domain of a region's host names, and of the service principals that differ between partitions."""
    return DNS_SUFFIXES[partition(region)]
