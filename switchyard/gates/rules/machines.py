"""Refuses to delete a machine on which pods run that serve."""

from collections.abc import Sequence

from switchyard.codes import Code
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.runbook import section

RULE = "a machine is deleted when no pod that serves runs on it any more, because a deletion drains nothing"


def refuse_serving_machine(node: str, instance_id: str, pods: Sequence[str]) -> Refusal | None:
    """Refuses to delete a machine under pods that serve.

    Args:
        node: name of the node.
        instance_id: ID of the machine.
        pods: the Services with ready pods on the node, as text.
    """
    if not pods:
        return None
    return Refusal(
        code=Code.MACHINE_WITH_SERVING_PODS,
        step=f"{node}: deleting machine {instance_id}",
        observed=f"it runs {', '.join(pods)}",
        rule=RULE,
        remedy=(
            f"The machine was not deleted. Drain it first: kubectl drain {node} --ignore-daemonsets "
            f"--delete-emptydir-data, then run the command again ({section('Remove a node')})."
        ),
    )


def refuse_unknown_machine(instance_id: str, problem: str) -> Refusal:
    """Refuses to delete a machine when it is not known what runs on it.

    Args:
        instance_id: ID of the machine.
        problem: why the cluster could not be read.
    """
    return Refusal(
        code=Code.MACHINE_WITH_SERVING_PODS,
        step=f"deleting machine {instance_id}",
        observed=f"whether pods that serve run on it is not known: {problem}",
        rule=RULE,
        remedy="The machine was not deleted. Check the API server, then run the command again.",
    )
