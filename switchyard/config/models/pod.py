"""Settings of pods as a whole: ServiceAccount, security, placement, labels and DNS."""

from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import Field

from switchyard.config.kubernetes import (
    HOSTNAME_LABEL,
    MANAGED_BY,
    POD_TEMPLATE_HASH,
    ROLLOUT_POD_TEMPLATE_HASH,
    ZONE_LABEL,
)
from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.pod_schema import violations
from switchyard.config.types.rules import Checked
from switchyard.config.types.text import AnnotationKey, LabelKey, LabelValue, SearchDomain, Subdomain

MAX_DISRUPTION = 100
"""Largest number of pods that a drain of nodes may evict at a time: as many as a colour may have."""

RESERVED_LABELS = frozenset({"app", "version", MANAGED_BY, POD_TEMPLATE_HASH, ROLLOUT_POD_TEMPLATE_HASH})
"""Labels by which the program, Kubernetes and Argo Rollouts find objects and pods."""

RESERVED_PREFIX = "switchyard/"
"""Labels and annotations of the program itself."""


def is_free(key: str) -> str:
    """Refuses label keys that the program and the controllers set."""
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


def _not_pulumis(key: str) -> str:
    if key.startswith("pulumi.com/"):
        raise ValueError("is reserved: pulumi.com/* say how the provider applies the object | Choose another key.")
    return key


FreeLabelKey = Annotated[
    LabelKey, Checked(is_free, f"a label key other than {', '.join(sorted(RESERVED_LABELS))} and {RESERVED_PREFIX}*")
]
FreeAnnotationKey = Annotated[
    AnnotationKey, Checked(_not_the_programs, f"an annotation key other than {RESERVED_PREFIX}*")
]
ObjectAnnotationKey = Annotated[
    FreeAnnotationKey, Checked(_not_pulumis, f"an annotation key other than {RESERVED_PREFIX}* and pulumi.com/*")
]
"""Key of an annotation of an object that the engine itself creates."""

Labels = dict[FreeLabelKey, LabelValue]

LinuxId = Annotated[Int, Field(ge=1, le=2**31 - 1)]
GroupId = Annotated[Int, Field(ge=0, le=2**31 - 1)]
"""A group of processes. Many images keep their files for group 0, which gives no right of the user 0."""


class Security(Model):
    """The settings that the restricted pod security level leaves open."""

    run_as_user: LinuxId = Field(default=10001, description="User ID of every container. It is never 0, which is root.")
    run_as_group: GroupId | None = Field(
        default=None, description="Group ID of every container. Default: the user ID.", examples=[10001]
    )
    fs_group: GroupId | None = Field(
        default=None, description="Group ID that owns the files of volumes. Default: the user ID.", examples=[10001]
    )
    fs_group_change_policy: Literal["OnRootMismatch", "Always"] | None = Field(
        default=None,
        description=(
            "`OnRootMismatch` avoids changing the owner of every file of a large volume at each start. "
            "Default: `Always`."
        ),
        examples=["OnRootMismatch"],
    )
    supplemental_groups: tuple[GroupId, ...] = Field(
        default=(), description="Further group IDs of every process.", examples=[[20001]]
    )
    read_only_root_filesystem: Bool = Field(default=True, description="Whether containers can write to volumes only.")
    net_bind_service: Bool = Field(
        default=False,
        description=(
            "Whether containers may listen on ports below 1024, by the one capability that the level permits."
        ),
    )


class DisruptionBudget(Model):
    """The PodDisruptionBudget of each set of pods of a service."""

    max_unavailable: Annotated[Int, Field(ge=1, le=MAX_DISRUPTION)] = Field(
        default=1,
        description=(
            "Largest number of pods of one colour that may be unavailable at a time because nodes are drained. It must "
            "be less than the number of pods of each colour, unless that is 1."
        ),
    )


class Spread(Model):
    """How the pods of one version are spread over the nodes."""

    topology_key: LabelKey = Field(
        default=HOSTNAME_LABEL,
        description="Label of nodes. Nodes with the same value of this label form one topology domain.",
        examples=[ZONE_LABEL],
    )
    max_skew: Annotated[Int, Field(ge=1, le=100)] = Field(
        default=1, description="Largest difference between the numbers of pods in two topology domains."
    )
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        default="DoNotSchedule",
        description=(
            "`DoNotSchedule` keeps a pod pending if it would exceed `maxSkew`. `ScheduleAnyway` only prefers an even "
            "spread."
        ),
    )


class ServiceAccountSettings(Model):
    """The ServiceAccount of the pods."""

    name: Subdomain | None = Field(
        default=None,
        description=(
            "Name of an existing ServiceAccount. Without it, the stack creates one for the service. That one is kept "
            "when a name is set later, because pods of the previous version may still use it."
        ),
        examples=["backend"],
    )
    annotations: dict[ObjectAnnotationKey, str] = Field(
        default={},
        description="Annotations of the service's own ServiceAccount by key.",
        examples=[{"example.org/role": "backend"}],
    )
    automount_token: Bool = Field(default=False, description="Whether containers get a token for the API server.")


def _address(text: str) -> str:
    try:
        ip_address(text)
        if "%" in text:  # the zone of an address, which only Python accepts
            raise ValueError(text)
    except ValueError:
        raise ValueError("must be an IP address | Example: 10.0.0.10") from None
    return text


Address = Annotated[str, Checked(_address, "an IP address")]


class HostAlias(Model):
    """A line of /etc/hosts of the pods."""

    ip: Address = Field(description="IP address.", examples=["10.0.0.10"])
    hostnames: Annotated[tuple[Subdomain, ...], Field(min_length=1)] = Field(
        description="Host names of the address.", examples=[["database.internal"]]
    )


class DnsOption(Model):
    """An option of the resolver."""

    name: Annotated[str, Field(min_length=1)] = Field(description="Name of the option.", examples=["ndots"])
    value: str | None = Field(
        default=None, description="Value of the option. Without it the option has none.", examples=["2"]
    )


class DnsConfig(Model):
    """Settings of the pods' resolver, in addition to those of the DNS policy."""

    nameservers: Annotated[tuple[Address, ...], Field(max_length=3)] = Field(
        default=(), description="IP addresses of name servers.", examples=[["10.0.0.2"]]
    )
    searches: Annotated[tuple[SearchDomain, ...], Field(max_length=32)] = Field(
        default=(), description="Domains in which host names are searched for.", examples=[["example.org"]]
    )
    options: tuple[DnsOption, ...] = Field(
        default=(), description="Options of the resolver.", examples=[[{"name": "ndots", "value": "2"}]]
    )


def _is_affinity(value: dict[str, Any]) -> dict[str, Any]:
    for path, rule in violations(value, "Affinity"):
        prefix = f"{path}: " if path else ""
        raise ValueError(f"{prefix}{rule} | Write it as Kubernetes does: nodeAffinity, podAffinity, podAntiAffinity.")
    return value


Affinity = Annotated[dict[str, Any], Checked(_is_affinity, "the affinity of a pod, as Kubernetes has it")]
