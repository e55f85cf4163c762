"""Which cluster a run is about to work on: it is read from the cluster, and a run that cannot tell ends."""

import shlex

from switchyard.errors import AccessDeniedError, ApiStatusError, NoIdentityError
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.relocation import Place
from switchyard.kube.access import ClusterAccess
from switchyard.kube.api import BoundedApi
from switchyard.kube.error_texts import advice, advice_denied, advice_unreachable

FORBIDDEN = 403

RULE = "a stack stays on its cluster, and nothing is done on one that cannot be told from another"


async def read_uid(api: BoundedApi) -> str:
    """UID of namespace kube-system, which no other cluster has. Raises as `BoundedApi` does.

    Raises:
        NoIdentityError: there is no such namespace.
    """
    system = await api.find("namespaces", "kube-system")
    if system is None:
        raise NoIdentityError("it has no namespace kube-system")
    return str(system["metadata"]["uid"])


def refuse_unknown_cluster(before: Place, access: ClusterAccess, error: Exception) -> Refusal | None:
    """Refuses a cluster that cannot be told from another; None where one is as good as another by now.

    A stack that does not know its cluster yet goes on where the user may not read the identity. It ends where nobody
    answers: each of its further calls would wait as long as this one.

    Args:
        before: where the stack was.
        access: the way to the cluster.
        error: what its identity could not be read for.
    """
    denied = isinstance(error, AccessDeniedError | NoIdentityError)
    if denied and not before.uid:
        return None
    known = f", and the stack is on the one with UID {before.uid}" if before.uid else ""
    return Refusal(
        step="This run",
        found=f"which cluster {access.described} leads to is not known: {_described(error)}{known}",
        rule=RULE if before.uid else "nothing is done on a cluster that does not answer",
        remedy=f"Nothing was changed. {_remedy(access, error)} Then run it again.",
    )


def warn_unknown_cluster(access: ClusterAccess, error: Exception) -> str:
    """Warns at the first update that another cluster behind the kubeconfig would not be noticed later."""
    return (
        f"which cluster {access.described} leads to is not known: {_described(error)}. So another cluster behind the "
        f"same kubeconfig would not be noticed. {_remedy(access, error)}"
    )


def refuse_unseen(access: ClusterAccess, error: Exception) -> Refusal:
    """Refuses a run that moves a service, or takes one away, where nobody can say whether it serves."""
    return Refusal(
        step="This run",
        found=f"it moves a service or takes one away, and whether that serves is not known: {_described(error)}",
        rule="what serves is neither moved nor taken away",
        remedy=f"Nothing was changed. {_remedy(access, error)} Then run it again.",
    )


def _described(error: Exception) -> str:
    return f"the kubeconfig's user {error}" if isinstance(error, AccessDeniedError) else str(error)


def _remedy(access: ClusterAccess, error: Exception) -> str:
    if isinstance(error, AccessDeniedError) and error.status == FORBIDDEN:
        options = {"--kubeconfig": access.kubeconfig, "--context": access.context}
        given = "".join(f" {option} {shlex.quote(value)}" for option, value in options.items() if value)
        verb, _, resource = error.asked.partition(" ")
        return (
            f"Grant the user of the kubeconfig the right to {verb} {resource}, and check it: "
            f"kubectl auth can-i {verb} {resource.replace(' in namespace ', ' -n ')}{given}."
        )
    if isinstance(error, AccessDeniedError):
        return advice_denied(error.status)
    if isinstance(error, ApiStatusError):
        return advice(error.status_code, str(error))
    if isinstance(error, NoIdentityError):
        return "Correct switchyard:cluster.kubeconfig or switchyard:cluster.context."
    return advice_unreachable(str(error))
