"""Refuses to work on a cluster that cannot be identified, if the run may change what serves."""

import shlex
from typing import Protocol

import httpx

from switchyard.codes import Code
from switchyard.errors import AccessDeniedError, ApiStatusError, NoIdentityError
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.relocation import StackLocation
from switchyard.kube.error_texts import advice, advice_denied, advice_unreachable

RULE = "a stack stays on its cluster, and nothing is done on a cluster that cannot be identified"


class Kubeconfig(Protocol):
    """The kubeconfig of a run, with the attributes that messages need."""

    @property
    def described(self) -> str:
        """The kubeconfig and its context, in words."""

    @property
    def kubeconfig(self) -> str | None:
        """Path of the kubeconfig that the settings name; None for the default."""

    @property
    def context(self) -> str | None:
        """Name of the context that the settings name; None for the current one."""


def refuse_unknown_cluster(last: StackLocation, access: Kubeconfig, error: Exception) -> Refusal | None:
    """Refuses to work on a cluster that cannot be identified.

    A stack that has no recorded cluster yet continues where the user may not read the identity. It is refused where the
    API server does not answer: each further call would wait as long as this one.

    Args:
        last: the cluster, namespaces and names of the last update.
        access: the kubeconfig.
        error: the error of the call that reads the identity.
    """
    denied = isinstance(error, AccessDeniedError | NoIdentityError)
    if denied and not last.uid:
        return None
    known = f", and the stack is on the cluster with UID {last.uid}" if last.uid else ""
    return Refusal(
        code=Code.CLUSTER_UNKNOWN,
        step="This run",
        observed=f"the cluster of {access.described} could not be identified: {_described(error)}{known}",
        rule=RULE if last.uid else "nothing is done on a cluster that does not answer",
        remedy=f"Nothing was changed. {_remedy(access, error)} Then run the command again.",
    )


def warn_unknown_cluster(access: Kubeconfig, error: Exception) -> str:
    """Warns at the first update that a later change of the cluster behind the kubeconfig would not be noticed."""
    return notice(
        Code.CLUSTER_UNKNOWN,
        "",
        f"the cluster of {access.described} could not be identified: {_described(error)}",
        f"Another cluster behind the same kubeconfig would therefore not be noticed. {_remedy(access, error)}",
    )


def refuse_unseen(access: Kubeconfig, error: Exception) -> Refusal:
    """Refuses to move or remove a service when it is not known whether the service serves."""
    return Refusal(
        code=Code.SERVING_UNKNOWN_BEFORE_MOVE,
        step="This run",
        observed=f"it moves or removes a service, and whether that service serves is not known: {_described(error)}",
        rule="a service that serves is neither moved nor removed",
        remedy=f"Nothing was changed. {_remedy(access, error)} Then run the command again.",
    )


def _described(error: Exception) -> str:
    return f"the kubeconfig's user {error}" if isinstance(error, AccessDeniedError) else str(error)


def _remedy(access: Kubeconfig, error: Exception) -> str:
    if isinstance(error, AccessDeniedError) and error.status == httpx.codes.FORBIDDEN:
        options = {"--kubeconfig": access.kubeconfig, "--context": access.context}
        arguments = "".join(f" {option} {shlex.quote(value)}" for option, value in options.items() if value)
        verb, _, resource = error.asked.partition(" ")
        return (
            f"Grant the user of the kubeconfig the right to {verb} {resource}, and check it: "
            f"kubectl auth can-i {verb} {resource.replace(' in namespace ', ' -n ')}{arguments}."
        )
    if isinstance(error, AccessDeniedError):
        return advice_denied(error.status)
    if isinstance(error, ApiStatusError):
        return advice(error.status_code, str(error))
    if isinstance(error, NoIdentityError):
        return "Correct switchyard:cluster.kubeconfig or switchyard:cluster.context."
    return advice_unreachable(str(error))
