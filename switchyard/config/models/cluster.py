"""The cluster that a stack releases to."""

from typing import ClassVar, Literal, get_args

from pydantic import Field

from switchyard.config.kubernetes import ARGO_ROLLOUTS
from switchyard.config.models.addons import ArgoRolloutsChart
from switchyard.config.models.base import Model
from switchyard.config.models.nodes import DEFAULT_NODES, NodeSettings
from switchyard.config.models.ownership import NamespaceReference

CLUSTER = "switchyard:cluster"


class ClusterModel(Model):
    """Base of the models of a cluster, one for each kind."""

    heading: ClassVar[str]
    """Heading of its keys on the reference page."""

    @classmethod
    def kind_name(cls) -> str:
        """The one value of `kind` that the model takes."""
        [kind] = get_args(cls.model_fields["kind"].annotation)
        return str(kind)


class ExistingCluster(ClusterModel):
    """A cluster that this stack does not create: the sandbox, kind, k3d or any other."""

    heading: ClassVar[str] = "An existing cluster"
    kind: Literal["existing"] = Field(
        description=(
            "Kind of the cluster: `existing` for one that is already running, `ec2` for one that this stack "
            "creates on EC2."
        )
    )
    kubeconfig: str | None = Field(
        default=None,
        description=(
            "Path of one kubeconfig file. `~` is the home directory, and a relative path starts at the "
            "directory of Pulumi.yaml. Default: KUBECONFIG or ~/.kube/config, as kubectl has it."
        ),
        examples=["~/.kube/config"],
    )
    context: str | None = Field(
        default=None, description="Context of the kubeconfig. Default: its current context.", examples=["staging"]
    )
    identifier: str = Field(
        default="existing",
        min_length=1,
        description=(
            "Name of the cluster in the state. A change is refused (SY-D009) unless `replaces` names the stack's "
            "previous cluster, which is permanently lost: every object is then created on the new cluster."
        ),
        examples=["production"],
    )
    argo_rollouts: ArgoRolloutsChart | None = Field(
        default=None,
        description=(
            "Helm chart of Argo Rollouts that this stack installs. Without it, the controller must already run in "
            "the cluster when a service has a strategy that needs it."
        ),
        examples=[{"version": "2.41.0"}],
    )
    adopt: tuple[NamespaceReference, ...] = Field(
        default=(),
        description=(
            "Existing namespaces of add-ons that the stack takes over, each as `Namespace/name`. They are "
            "kept when the stack no longer manages them."
        ),
        examples=[[f"Namespace/{ARGO_ROLLOUTS}"]],
    )
    replaces: str | None = Field(
        default=None,
        description=(
            "UID of the stack's previous cluster, if that cluster is permanently lost. See "
            'docs/runbook.md, "Move to another cluster".'
        ),
        examples=["3b1b8d2e-6a0f-4c58-9a3e-0d5c2f6f7a11"],
    )
    nodes: dict[str, NodeSettings] = Field(
        default_factory=lambda: dict(DEFAULT_NODES),
        description=(
            "Nodes by name. Their labels and taints are applied, and node selectors and capacity are checked "
            "against them. A node that is removed here keeps its labels and taints. With `{}` nothing is applied "
            "or checked. Default: the seven nodes of the node table."
        ),
        examples=[
            {"k8s-worker-1": {"type": "t3.medium", "zone": "ap-northeast-2b", "diskGb": 40, "workload": "application"}}
        ],
    )
