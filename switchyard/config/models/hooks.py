"""Hooks of a release: Jobs and HTTP calls at defined points of it, for example database migrations."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.models.containers import Words
from switchyard.config.models.environment import Environment, SecretValue
from switchyard.config.models.resources import SmallResources
from switchyard.config.models.volumes import Mount
from switchyard.config.types.rules import Checked
from switchyard.config.types.text import DnsLabel, Url
from switchyard.config.types.values import HeaderName, HeaderValue, ImageReference

IDEMPOTENCY_KEY = "Idempotency-Key"
"""Name of a header of an HTTP hook whose value is the same for every attempt within one release."""

_OWN_HEADERS = frozenset({"connection", "content-length", "content-type", "host", IDEMPOTENCY_KEY.lower()})
"""Headers that the program sets."""


class HookPoint(StrEnum):
    """A point of a release at which hooks run.

    Attributes:
        BEFORE_WARM: before the pods of the new version are created.
        BEFORE_SWITCH: after the gates have passed, before the Service selects the new colour.
        AFTER_SWITCH: while the new version is watched.
        BEFORE_RETIRE: when the old colour gets no more requests, before its pods are deleted.
        ON_ROLLBACK: after the Service selects the old colour again.
    """

    BEFORE_WARM = "beforeWarm"
    BEFORE_SWITCH = "beforeSwitch"
    AFTER_SWITCH = "afterSwitch"
    BEFORE_RETIRE = "beforeRetire"
    ON_ROLLBACK = "onRollback"


class OnFailure(StrEnum):
    """The consequence of a failed hook.

    Attributes:
        STOP: before the switch the release ends; after the switch it is held.
        ROLLBACK: the release is rolled back, so that the old colour serves again.
        CONTINUE: the release continues.
    """

    STOP = "stop"
    ROLLBACK = "rollback"
    CONTINUE = "continue"


DEFAULT_ON_FAILURE = {
    HookPoint.BEFORE_WARM: OnFailure.STOP,
    HookPoint.BEFORE_SWITCH: OnFailure.STOP,
    HookPoint.AFTER_SWITCH: OnFailure.ROLLBACK,
    HookPoint.BEFORE_RETIRE: OnFailure.STOP,
    HookPoint.ON_ROLLBACK: OnFailure.CONTINUE,
}
"""Consequence of a failed hook at each point, unless the configuration sets another one."""


def _is_free(name: str) -> str:
    if name.lower() in _OWN_HEADERS:
        raise ValueError("is set by this program | Remove it.")
    return name


HookHeader = Annotated[HeaderName, Checked(_is_free, "the name of an HTTP header that this program does not set")]


class HookJob(Environment):
    """A Job with one pod, which succeeds or fails. Its pod has the variables `SWITCHYARD_...` of the release."""

    image: ImageReference | None = Field(
        default=None,
        description=(
            "Image with its tag, its digest or both. Default: the image of the service with the version that is "
            "released, or at `onRollback` with the version that serves again."
        ),
        examples=["ghcr.io/org/migrate:v1.0.0"],
    )
    command: Words = Field(
        default=(),
        description="Replaces the entrypoint of the image. `$(NAME)` in it is expanded by Kubernetes.",
        examples=[["python", "-m", "migrations.expand"]],
    )
    args: Words = Field(
        default=(),
        description="Replaces the arguments of the image. `$(NAME)` in it is expanded by Kubernetes.",
        examples=[["--version=$(SWITCHYARD_TAG)"]],
    )
    service_account_name: DnsLabel | None = Field(
        default=None,
        description="Name of an existing ServiceAccount. Default: that of the service's pods.",
        examples=["migrations"],
    )
    mounts: tuple[Mount, ...] = Field(
        default=(),
        description="Volumes of the service that the container mounts.",
        examples=[[{"volume": "config", "path": "/etc/backend", "readOnly": True}]],
    )
    resources: SmallResources = Field(
        default=SmallResources.model_construct(), description="Requests and limits of the container."
    )


class HookHttp(Model):
    """An HTTP call from the machine on which the command runs."""

    method: Literal["DELETE", "GET", "PATCH", "POST", "PUT"] = Field(
        default="POST", description="Method of the request. Unless it is GET, the request has a JSON body."
    )
    url: Url = Field(description="URL of the request.", examples=["https://ci.example.org/hooks/purge"])
    headers: dict[HookHeader, HeaderValue] = Field(
        default={},
        description="Headers of the request by name, as plain text that everybody can read.",
        examples=[{"X-Team": "payments"}],
    )
    secret_headers: dict[HookHeader, SecretValue] = Field(
        default={},
        description="Headers of the request by name, each from a key of a Secret, which the command reads.",
        examples=[{"Authorization": {"secret": "ci", "key": "authorization"}}],
    )
    expect_status: Annotated[tuple[Annotated[Int, Field(ge=100, le=599)], ...], Field(min_length=1)] = Field(
        default=(200, 201, 202, 204), description="HTTP statuses that count as success.", examples=[[200]]
    )


class Hook(Model):
    """One hook, which runs a Job or sends an HTTP request. It has exactly one of `job` and `http`."""

    indivisible: ClassVar[bool] = True

    name: DnsLabel = Field(description="Name of the hook, unique in the service.", examples=["expand-schema"])
    job: HookJob | None = Field(
        default=None,
        description="Job that the hook runs.",
        examples=[{"command": ["python", "-m", "migrations.expand"]}],
    )
    http: HookHttp | None = Field(
        default=None,
        description="HTTP request that the hook sends.",
        examples=[{"url": "https://ci.example.org/hooks/purge"}],
    )
    timeout_seconds: Annotated[Int, Field(ge=1, le=86400)] = Field(
        default=300, description="Seconds that the hook may take."
    )
    on_failure: OnFailure | None = Field(
        default=None,
        description=(
            "Consequence if the hook fails, or if it is not known whether it ran: `stop`, `rollback` or `continue`. "
            "Default: `stop` before the switch and at `beforeRetire`, `rollback` at `afterSwitch`, `continue` at "
            "`onRollback`."
        ),
        examples=["continue"],
    )
    irreversible: Bool = Field(
        default=False,
        description=(
            "Whether the previous version no longer works once the hook has started, as after the contract step of a "
            "database migration. From then on, a rollback to that version is refused. Only at `beforeRetire`."
        ),
    )

    @model_validator(mode="after")
    def _is_one(self) -> "Hook":
        if (self.job is None) == (self.http is None):
            raise ValueError(
                "must have exactly one of job, http | Example: {name: purge, http: {url: https://ci.example.org/purge}}"
            )
        return self

    def after_failure(self, point: HookPoint) -> OnFailure:
        """The consequence of a failure of this hook.

        Args:
            point: the point at which the hook runs.
        """
        return self.on_failure or DEFAULT_ON_FAILURE[point]


class Hooks(Model):
    """The hooks of a service's releases, by the point at which they run. The hooks of a point run one by one."""

    before_warm: tuple[Hook, ...] = Field(
        default=(),
        description="Hooks that run before the pods of the new version are created.",
        examples=[[{"name": "expand-schema", "job": {"command": ["python", "-m", "migrations.expand"]}}]],
    )
    before_switch: tuple[Hook, ...] = Field(
        default=(),
        description=(
            "Hooks that run after the gates have passed, before the new version serves. The gates are checked again "
            "after them."
        ),
        examples=[[{"name": "load-test", "job": {"image": "ghcr.io/org/load:v1.0.0"}}]],
    )
    after_switch: tuple[Hook, ...] = Field(
        default=(),
        description=(
            "Hooks that run while the new version is watched. The rollback of a bad version does not wait for them."
        ),
        examples=[[{"name": "purge", "http": {"url": "https://ci.example.org/hooks/purge"}}]],
    )
    before_retire: tuple[Hook, ...] = Field(
        default=(),
        description="Hooks that run when the old colour gets no more requests, before its pods are deleted.",
        examples=[[{"name": "contract-schema", "job": {"command": ["contract"]}, "irreversible": True}]],
    )
    on_rollback: tuple[Hook, ...] = Field(
        default=(),
        description="Hooks that run after the old version serves again. They never delay or stop a rollback.",
        examples=[[{"name": "tell", "http": {"url": "https://ci.example.org/hooks/rolled-back"}}]],
    )

    def at(self, point: HookPoint) -> tuple[Hook, ...]:
        """The hooks of a point, in order."""
        return {
            HookPoint.BEFORE_WARM: self.before_warm,
            HookPoint.BEFORE_SWITCH: self.before_switch,
            HookPoint.AFTER_SWITCH: self.after_switch,
            HookPoint.BEFORE_RETIRE: self.before_retire,
            HookPoint.ON_ROLLBACK: self.on_rollback,
        }[point]

    def all(self) -> Iterator[tuple[HookPoint, int, Hook]]:
        """Every hook with its point and its index at that point."""
        return ((point, number, hook) for point in HookPoint for number, hook in enumerate(self.at(point)))
