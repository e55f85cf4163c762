"""The cluster that a stack releases to."""

from typing import Literal

from pydantic import Field

from switchyard.config.models.addons import ArgoRolloutsChart
from switchyard.config.models.base import Model
from switchyard.config.models.nodes import DEFAULT_NODES, NodeSettings
from switchyard.config.models.ownership import ObjectReference

CLUSTER = "switchyard:cluster"


class ExistingCluster(Model):
    """A cluster that somebody else made: the sandbox, kind, k3d, any other.

    Attributes:
        kubeconfig: path of one kubeconfig file. `~` is the home directory, and a relative path counts from the
            directory of Pulumi.yaml. None takes KUBECONFIG or ~/.kube/config, as kubectl does.
        context: context in it; None takes its current one.
        identifier: names the cluster in the state. Change it only when the stack moves to another cluster:
            everything in it is replaced then.
        nodes: the node table. Placement labels and taints these nodes, and the checks of node selectors and of
            room count on them. A node that is taken out of it keeps its labels and taints. Empty: the nodes are
            somebody else's, and neither is done.
        adopt: namespaces of add-ons that were there before, each as ``Namespace/name``. The stack takes them over, and
            they stay when it lets go of them.
        replaces: UID of the cluster that the stack was on before, when that one is lost. See the runbook, "Move to
            another cluster".
        argo_rollouts: installs Argo Rollouts with this stack; None leaves it to whoever runs the cluster.
    """

    kind: Literal["existing"]
    kubeconfig: str | None = None
    context: str | None = None
    identifier: str = Field(default="existing", min_length=1)
    argo_rollouts: ArgoRolloutsChart | None = None
    adopt: tuple[ObjectReference, ...] = ()
    replaces: str | None = None
    nodes: dict[str, NodeSettings] = Field(default_factory=lambda: dict(DEFAULT_NODES))
