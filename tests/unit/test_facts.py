"""Each fact of Kubernetes, its controllers and AWS is a literal in one file that ships; all others import it."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [
    ROOT / "__main__.py",
    *(path for folder in ("switchyard", "components") for path in (ROOT / folder).rglob("*")),
]

KUBERNETES = "switchyard/config/kubernetes.py"

OWNERS: Mapping[str | int, str] = {
    "apps/v1": KUBERNETES,
    "autoscaling/v2": KUBERNETES,
    "batch/v1": KUBERNETES,
    "discovery.k8s.io/": KUBERNETES,
    "networking.k8s.io/": KUBERNETES,
    "policy/v1": KUBERNETES,
    "metrics.k8s.io/": KUBERNETES,
    "argoproj.io/": KUBERNETES,
    "networking.istio.io/": KUBERNETES,
    "gateway.networking.k8s.io/": KUBERNETES,
    "elbv2.k8s.aws/v1": KUBERNETES,
    "app.kubernetes.io/": KUBERNETES,
    "pod-template-hash": KUBERNETES,
    "kubectl.kubernetes.io/": KUBERNETES,
    "kubernetes.io/service-name": KUBERNETES,
    "kubernetes.io/hostname": KUBERNETES,
    "topology.kubernetes.io/": KUBERNETES,
    "kube-system": KUBERNETES,
    10256: KUBERNETES,
    6443: KUBERNETES,
    "argo-rollouts": KUBERNETES,
    "aws-load-balancer-controller": KUBERNETES,
    "metrics-server": KUBERNETES,
    "tigera-operator": KUBERNETES,
    "alb.ingress.kubernetes.io": KUBERNETES,
    "kubernetes.io/cluster/": "switchyard/aws/tags.py",
    "elbv2.k8s.aws/cluster": "switchyard/aws/iam.py",
    "2012-10-17": "switchyard/aws/policy_documents.py",
    "kubeadm.k8s.io/": "switchyard/bootstrap/kubeadm.py",
    "client.authentication.k8s.io/v1": "switchyard/kube/kubeconfig/checks.py",
    "application/merge-patch+json": "switchyard/kube/api.py",
    "kwok.x-k8s.io/": "switchyard/kube/pods.py",
    "pulumi.com/patch": "switchyard/manifests/labels.py",
    "pulumi.com/skipAwait": "switchyard/manifests/labels.py",
}
"""The file that has each fact: a part of a text, or a number."""

ADDRESSES = ("https://",)
"""Beginnings of texts that are addresses, which may have a name of the table in them."""

PRODUCTS = frozenset({"metrics-server"})
"""Names that sentences have as well: only a literal that is the name and nothing else repeats the fact."""


def docstrings(tree: ast.AST) -> set[int]:
    """Ids of the texts that stand alone, which explain and are no values."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def literals(path: Path) -> Iterator[str | int]:
    """The literals of a Python file; of a script its lines without comments."""
    if path.suffix == ".sh":
        yield from (line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
        return
    tree = ast.parse(path.read_text())
    explaining = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int) and id(node) not in explaining:
            yield node.value


def has(literal: str | int, fact: str | int) -> bool:
    """Whether a literal repeats a fact."""
    if isinstance(literal, str) and isinstance(fact, str):
        return literal == fact if fact in PRODUCTS else fact in literal and not literal.startswith(ADDRESSES)
    return literal == fact


@pytest.fixture(scope="module")
def shipped() -> dict[str, list[str | int]]:
    paths = [path for path in SHIPPED if path.suffix in {".py", ".sh"}]
    return {str(path.relative_to(ROOT)): list(literals(path)) for path in paths}


@pytest.mark.parametrize("fact", OWNERS)
def test_a_fact_is_a_literal_in_one_file(fact: str | int, shipped: dict[str, list[str | int]]) -> None:
    files = {path for path, values in shipped.items() if any(has(value, fact) for value in values)}
    assert files == {OWNERS[fact]}


def test_a_second_literal_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "second.py"
    file.write_text('"""Explains argo-rollouts."""\nNAME = f"{1}-argo-rollouts"\nPORT = 10256\n')
    assert [fact for fact in ("argo-rollouts", 10256) if any(has(value, fact) for value in literals(file))] == [
        "argo-rollouts",
        10256,
    ]
    file.write_text('"""Explains argo-rollouts."""\n')
    assert list(literals(file)) == []
