"""Instance types that AWS does not have in the zone of a node."""

from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.validation.offers import offer_problems

WORKER, TYPE = "k8s-worker-3", f"{CLUSTER}.nodes.k8s-worker-3.type"
NODE = {"zone": "ap-northeast-2b", "diskGb": 40}
HERE = {"ap-northeast-2b"}


def problems(node: dict[str, object], offers: dict[str, set[str]]) -> list[tuple[str, str]]:
    cluster = Ec2Cluster.model_validate({"kind": "ec2", "name": "it", "nodes": {WORKER: NODE | node}})
    return [(name, str(problem)) for name, problem in offer_problems(cluster, offers)]


def test_a_type_that_another_zone_of_the_cluster_has_is_refused_with_that_zone() -> None:
    zones = {"ap-northeast-2a", "ap-northeast-2c", "ap-northeast-2d"}
    assert problems({"type": "t3a.medium"}, {"t3a.medium": zones, "t3.medium": HERE}) == [
        (
            WORKER,
            f"{TYPE}: 't3a.medium': AWS has no such instances in ap-northeast-2b. Set it: pulumi config set --path "
            f"'{TYPE}' t3.medium, or a zone that has it: pulumi config set --path "
            f"'{CLUSTER}.nodes.k8s-worker-3.zone' ap-northeast-2a",
        )
    ]


def test_a_type_that_the_region_does_not_have_is_refused_with_the_removal_of_its_figures() -> None:
    [(_, line)] = problems({"type": "u7i-6tb.112xlarge", "vcpu": 448, "memoryGb": 6144.0}, {"t3.medium": HERE})
    assert line == (
        f"{TYPE}: 'u7i-6tb.112xlarge': AWS has no such instances in ap-northeast-2b. Set it: pulumi config set --path "
        f"'{TYPE}' t3.medium && pulumi config rm --path '{CLUSTER}.nodes.k8s-worker-3.vcpu' && pulumi config rm --path "
        f"'{CLUSTER}.nodes.k8s-worker-3.memoryGb'"
    )


def test_a_type_in_its_zone_is_taken() -> None:
    assert problems({"type": "t3.medium"}, {"t3.medium": {"ap-northeast-2b"}}) == []


def test_the_printed_type_is_not_the_refused_one_and_is_in_the_zone() -> None:
    [(_, line)] = problems({"type": "t3.medium"}, {"t3.medium": {"ap-northeast-2a"}, "m6i.large": HERE})
    assert f"Set it: pulumi config set --path '{TYPE}' m6i.large, or a zone that has it: " in line


def test_no_type_is_printed_that_is_not_in_the_zone() -> None:
    # As t3.medium in us-east-1e.
    [(_, line)] = problems({"type": "t3.medium"}, {"t3.medium": {"ap-northeast-2a"}})
    zone = f"pulumi config set --path '{CLUSTER}.nodes.k8s-worker-3.zone' ap-northeast-2a"
    assert line.endswith(f"in ap-northeast-2b. Choose another type, or a zone that has it: {zone}")
    [(_, line)] = problems({"type": "t3.medium"}, {})
    assert line.endswith("in ap-northeast-2b. Choose another type")
