"""Partitions of AWS: regions have the one that botocore has, and no ARN is written with another."""

import re

import boto3  # type: ignore[import-untyped]
import pytest

from devtools.toolchain.paths import PROJECT
from switchyard.config.aws_partition import DNS_SUFFIXES, dns_suffix, partition

SESSION = boto3.session.Session()
REGIONS = [
    region
    for name in SESSION.get_available_partitions()
    if name in DNS_SUFFIXES
    for region in SESSION.get_available_regions("ec2", name)
]


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_is_in_the_partition_that_botocore_has(region: str) -> None:
    assert partition(region) == SESSION.get_partition_for_region(region)


def test_a_partition_has_its_own_domain() -> None:
    assert dns_suffix("cn-northwest-1") == "amazonaws.com.cn"
    assert dns_suffix("eu-central-1") == "amazonaws.com"


def test_no_source_names_one_partition_in_an_arn() -> None:
    named = [
        f"{file.relative_to(PROJECT)}: {line.strip()}"
        for folder in ("components", "switchyard")
        for file in sorted((PROJECT / folder).rglob("*.py"))
        for line in file.read_text().splitlines()
        if re.search(r"arn:aws(?:-cn|-us-gov)?:", line)
    ]
    assert named == []
