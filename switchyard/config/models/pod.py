"""What the pods of a service have as a whole: identity, security, placement, names."""

from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.pod_schema import violations
from switchyard.config.types.text import AnnotationKey, LabelKey, LabelValue, Subdomain

MAX_DISRUPTION = 100
"""Pods that a drain may take at a time, at most: as many as a colour may have."""

RESERVED_LABELS = frozenset(
    {"app", "version", "app.kubernetes.io/managed-by", "pod-template-hash", "rollouts-pod-template-hash"}
)
"""Labels by which the program, Kubernetes and Argo Rollouts find objects and pods."""

RESERVED_PREFIX = "switchyard/"
"""Labels and annotations of the program itself."""


def is_free(key: str) -> str:
    """A validator that refuses the keys that the program and the controllers set."""
    if key in RESERVED_LABELS or key.startswith(RESERVED_PREFIX):
        raise ValueError(
            f"is reserved: objects and pods are found by {', '.join(sorted(RESERVED_LABELS))} and {RESERVED_PREFIX}* | "
            "Choose another key, for example example.org/team."
        )
    return key


def _not_the_programs(key: str) -> str:
    if key.startswith(RESERVED_PREFIX):
        raise ValueError(f"is reserved: {RESERVED_PREFIX}* are this program's own | Choose another key.")
    return key


FreeLabelKey = Annotated[LabelKey, AfterValidator(is_free)]
FreeAnnotationKey = Annotated[AnnotationKey, AfterValidator(_not_the_programs)]
Labels = dict[FreeLabelKey, LabelValue]

LinuxId = Annotated[Int, Field(ge=1, le=2**31 - 1)]


class Security(Model):
    """What the restricted pod security level leaves to choose.

    Attributes:
        run_as_user: of every container; never root.
        run_as_group: None takes the user's number.
        fs_group: to whom the files of volumes belong; None takes the user's number.
        fs_group_change_policy: ``OnRootMismatch`` spares large volumes a walk at every start; None is Always.
        supplemental_groups: further groups of every process.
        read_only_root_filesystem: whether containers can write to volumes alone.
        net_bind_service: permits ports below 1024, the one capability that the level allows.
    """

    run_as_user: LinuxId = 10001
    run_as_group: LinuxId | None = None
    fs_group: LinuxId | None = None
    fs_group_change_policy: Literal["OnRootMismatch", "Always"] | None = None
    supplemental_groups: tuple[LinuxId, ...] = ()
    read_only_root_filesystem: Bool = True
    net_bind_service: Bool = False


class DisruptionBudget(Model):
    """How many pods of a colour a drain may take at a time."""

    max_unavailable: Annotated[Int, Field(ge=1, le=MAX_DISRUPTION)] = 1


class Spread(Model):
    """How the pods of one version are spread.

    Attributes:
        topology_key: label of nodes; those with one value of it are one place.
        max_skew: by how many pods two places may differ.
        when_unsatisfiable: ``DoNotSchedule`` leaves a pod Pending rather than break it, ``ScheduleAnyway`` prefers it.
    """

    topology_key: LabelKey = "kubernetes.io/hostname"
    max_skew: Annotated[Int, Field(ge=1, le=100)] = 1
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = "DoNotSchedule"


class ServiceAccountSettings(Model):
    """The ServiceAccount of the pods.

    Attributes:
        name: of one that is there already; None is the service's own. The own one stays in any case, because pods
            of the version before may still use it.
        annotations: of the service's own, for example of a role of AWS.
        automount_token: gives containers a token for the API server.
    """

    name: Subdomain | None = None
    annotations: dict[FreeAnnotationKey, str] = {}
    automount_token: Bool = False


def _address(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        raise ValueError("must be an IP address | Example: 10.0.0.10") from None
    return text


Address = Annotated[str, AfterValidator(_address)]


class HostAlias(Model):
    """A line of the pods' /etc/hosts."""

    ip: Address
    hostnames: Annotated[tuple[Subdomain, ...], Field(min_length=1)]


class DnsOption(Model):
    """An option of the resolver."""

    name: Annotated[str, Field(min_length=1)]
    value: str | None = None


class DnsConfig(Model):
    """Settings of the pods' resolver, added to those of the policy."""

    nameservers: Annotated[tuple[Address, ...], Field(max_length=3)] = ()
    searches: Annotated[tuple[Subdomain, ...], Field(max_length=32)] = ()
    options: tuple[DnsOption, ...] = ()


def _is_affinity(value: dict[str, Any]) -> dict[str, Any]:
    for path, rule in violations(value, "Affinity"):
        where = f"{path}: " if path else ""
        raise ValueError(f"{where}{rule} | Write it as Kubernetes does: nodeAffinity, podAffinity, podAntiAffinity.")
    return value


Affinity = Annotated[dict[str, Any], AfterValidator(_is_affinity)]
