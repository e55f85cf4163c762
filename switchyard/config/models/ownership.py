"""Ownership: services that are deleted, objects that are taken over, and the stack that had them before."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from switchyard.config.commands import remove_command, remove_value, set_value
from switchyard.config.errors import Problem, set_command, shown
from switchyard.config.kubernetes import ARGO_ROLLOUTS, KUBE_SYSTEM
from switchyard.config.models.base import Bool, Model
from switchyard.config.models.service_name import KubernetesName, NamespacedName
from switchyard.config.types.text import DnsLabel, matching

REMOVE = "remove"
"""Key of a service that is to be deleted. Of its other keys only name and namespace are read then."""

DEFAULT_NAMESPACE = "default"

ObjectReference = Annotated[
    str,
    matching(
        r"[A-Z][A-Za-z]+/[a-z0-9]([-.a-z0-9]*[a-z0-9])?",
        "must be a kind and a name of the service's namespace | Example: ServiceAccount/payments",
    ),
]
"""An object that the stack may take over although it did not create it."""

NamespaceReference = Annotated[
    str,
    matching(
        r"Namespace/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        f"must be `Namespace/` and a name | Example: Namespace/{ARGO_ROLLOUTS}",
    ),
]
"""A namespace of an add-on that the stack may take over although it did not create it."""


class Owned(Model):
    """Existing objects that a service takes over, and the namespace that it moves away from."""

    remove: Bool = Field(
        default=False,
        description="Whether the service is deleted. Of its other keys only `namespace` and `name` are read then.",
        examples=[True],
    )
    leaves: DnsLabel | None = Field(
        default=None,
        description=(
            "Previous namespace of a service that is moved. The stack's objects of the service in that namespace are "
            "deleted at the end of the update, even though they serve."
        ),
        examples=["default"],
    )
    adopt: tuple[ObjectReference, ...] = Field(
        default=(),
        description=(
            "Existing objects that the stack takes over although it did not create them, each as "
            "`Kind/name`. They are kept when the stack no longer manages them."
        ),
        examples=[["ServiceAccount/payments"]],
    )
    adopt_existing_service: Bool = Field(
        default=False,
        description=(
            "Whether the stack takes over an existing Service of this name. Until the switch, the ready pods of that "
            "Service count as the pods that serve. It is read only when the stack creates its Service."
        ),
        examples=[True],
    )

    def adopts_service(self, name: str) -> bool:
        """Whether the stack may take over the users' Service of this name."""
        return self.adopt_existing_service or f"Service/{name}" in self.adopt


SYSTEM_NAMESPACES = frozenset({KUBE_SYSTEM, "kube-public", "kube-node-lease"})
"""Namespaces of Kubernetes itself, in which no service may be."""

RESERVED_NAMES: Mapping[str, str] = {
    "kubernetes": "Service kubernetes is the API server's",
    "default": "ServiceAccount default is that of every pod without another, and Kubernetes makes it anew",
}
"""Names that Kubernetes itself uses in a namespace, each with the object that has it."""

FORMER_STACK = r"[^/\s]+/[^/\s]+"
"""Pattern of a former stack: its project and its name."""

_FORMER = re.compile(FORMER_STACK)


def removed_service(path: str, key: str, raw: object, problems: list[Problem]) -> NamespacedName | None:
    """Namespace and name of a service that is marked to be deleted; None for a service that is kept.

    Args:
        path: path of the service.
        key: key of the service.
        raw: its value in the configuration.
        problems: receives the errors.
    """
    if not isinstance(raw, Mapping) or REMOVE not in raw:
        return None
    remove = raw[REMOVE]
    if not isinstance(remove, bool):
        at = f"{path}.{REMOVE}"
        remedy = f"To delete the service: {set_value(at, True)}, or: to keep it: {remove_value(at)}"
        problems.append(Problem(at, shown(remove), "must be true or false, without quotes", remedy))
        return None
    if not remove:
        return None
    namespace, name = raw.get("namespace", DEFAULT_NAMESPACE), raw.get("name")
    try:
        namespace = str(TypeAdapter(DnsLabel).validate_python(namespace))
    except ValidationError:
        at = f"{path}.namespace"
        rule = "must be the namespace that the service is in"
        problems.append(Problem(at, shown(namespace), rule, set_command(at, DEFAULT_NAMESPACE)))
        namespace = DEFAULT_NAMESPACE
    try:
        name = key if name is None else str(TypeAdapter(KubernetesName).validate_python(name))
    except ValidationError:
        at = f"{path}.name"
        rule = "must be the name that the service's objects have; without it, that is the key"
        problems.append(Problem(at, shown(name), rule, remove_command(at)))
        name = key
    return NamespacedName(namespace, name)


def is_unclear_removal(raw: object) -> bool:
    """Whether it is unclear if a service is to be deleted: its other keys are not checked then."""
    return isinstance(raw, Mapping) and REMOVE in raw and not isinstance(raw[REMOVE], bool)


def reserved_problems(path: str, service: NamespacedName, *, named: bool) -> Iterator[Problem]:
    """Refuses names and namespaces that are those of Kubernetes itself.

    Args:
        path: path of the service.
        service: its namespace and name in Kubernetes.
        named: whether the settings give the name; else it is the key.
    """
    namespace, name = service
    if namespace in SYSTEM_NAMESPACES:
        rule = "is a namespace of Kubernetes itself, where a service could take the place of a part of the cluster"
        yield Problem(f"{path}.namespace", shown(namespace), rule, set_command(f"{path}.namespace", DEFAULT_NAMESPACE))
    if name in RESERVED_NAMES:
        at = f"{path}.name" if named else path
        yield Problem(at, shown(name), f"is a reserved name: {RESERVED_NAMES[name]}", "Rename it in the stack file.")


def leaves_problems(path: str, namespace: str, leaves: str | None) -> Iterator[Problem]:
    """Refuses `leaves` with the namespace of the service, because what serves there might be deleted without intent."""
    if leaves == namespace:
        rule = "is the namespace that the service is in: it names one that it has moved away from"
        yield Problem(f"{path}.leaves", shown(leaves), rule, remove_command(f"{path}.leaves"))


def former_problems(at: str, former: Any) -> Iterator[Problem]:
    """Refuses a former stack not written as ``project/stack``, with ``@identity`` behind it for a lost state."""
    if former is not None and (not isinstance(former, str) or _FORMER.fullmatch(former) is None):
        rule = "must be the project and the name of the stack that the marks on the objects name"
        yield Problem(at, shown(former), rule, f"For example: {set_value(at, 'switchyard/staging')}")
