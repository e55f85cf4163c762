"""Refuses to create a service in a namespace that takes no objects."""

from switchyard.codes import Code
from switchyard.config.kubernetes import NAMESPACE_ACTIVE
from switchyard.config.models.service import ServiceSettings
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal


def refuse_namespace(name: str, service: ServiceSettings, phase: str | None) -> Refusal | None:
    """Refuses to create a service in a namespace that does not exist or is being deleted.

    Args:
        name: name of the service.
        service: its settings.
        phase: phase of the namespace; None for one that does not exist.
    """
    if phase == NAMESPACE_ACTIVE:
        return None
    namespace = service.namespace
    create = f"kubectl create namespace {namespace}"
    if phase is None:
        observed, rule = f"there is no namespace {namespace}", "the program creates no namespaces"
        todo = f"Create the namespace: {create}"
    else:
        observed, rule = f"namespace {namespace} is being deleted", "nothing can be created in it any more"
        todo = (
            f"When it is gone, create it again: kubectl wait --for=delete namespace/{namespace} --timeout=10m && "
            f"{create}. What delays its deletion: kubectl describe namespace {namespace}"
        )
    return Refusal(
        code=Code.NAMESPACE_MISSING,
        step=f"{key_of(name)}: creating the service",
        observed=observed,
        rule=rule,
        remedy=f"Nothing of the service was created. {todo}",
    )
