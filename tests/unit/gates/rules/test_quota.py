"""Warnings of an account that may not run the machines."""

import pytest

from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.gates.rules.quota import quota_warning

CLUSTER = Ec2Cluster(kind="ec2", name="production")


def test_an_account_that_may_run_fewer_vcpus_than_the_nodes_have_is_reported() -> None:
    assert quota_warning(CLUSTER, 5.0) == (
        "switchyard:cluster.nodes: the nodes have 14 vCPU, and the account may run 5 in ap-northeast-2 (quota "
        "L-1216C47A) (SY-E010). AWS would refuse the machines beyond that, after the rest was created. Ask for more "
        "first: aws service-quotas request-service-quota-increase --region ap-northeast-2 --service-code ec2 "
        "--quota-code L-1216C47A --desired-value 14"
    )


@pytest.mark.parametrize("quota", [14.0, 32.0])
def test_an_account_that_may_run_them_is_not_reported(quota: float) -> None:
    assert quota_warning(CLUSTER, quota) is None


def test_machines_with_a_quota_of_their_own_do_not_count() -> None:
    node = {"type": "g5.8xlarge", "vcpu": 32, "memoryGb": 128.0, "zone": "ap-northeast-2a", "diskGb": 40}
    cluster = Ec2Cluster.model_validate({"kind": "ec2", "name": "it", "nodes": {"gpu": node}})
    assert quota_warning(cluster, 5.0) is None
