"""Volumes of a pod, and where its containers mount them."""

from collections.abc import Iterator
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.types.text import Subdomain, matching
from switchyard.config.types.values import Quantity, SecretKey

One = TypeVar("One", bound=Model)

RESERVED_VOLUMES = frozenset({"tmp"})
"""Names of volumes that the program itself gives a pod."""

FileMode = Annotated[Int, Field(ge=0, le=0o777)]
"""Permissions of a file, as the decimal number that JSON has: 292 is 0444, 256 is 0400."""


def _relative(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or not path:
        raise ValueError("must be a relative path without .. | Example: app.yaml")
    return path


RelativePath = Annotated[str, AfterValidator(_relative)]

MountPath = Annotated[
    str,
    matching(r"/[^:\0]*", "must be an absolute path without : | Example: /etc/backend"),
]


class Source(Model):
    """A ConfigMap or a Secret whose keys become files.

    Attributes:
        name: of the object, in the service's namespace.
        items: the keys that become files, each with its path; empty takes all, under their own names.
        optional: starts the pod although the object or a key is missing.
        default_mode: permissions of the files; None is 0644.
    """

    name: Subdomain
    items: dict[SecretKey, RelativePath] = {}
    optional: Bool = False
    default_mode: FileMode | None = None


class EmptyDir(Model):
    """An empty folder that goes with the pod.

    Attributes:
        medium: ``Memory`` for one in memory, which counts towards the memory limit; None is the node's disk.
        size_limit: above which the pod is evicted; None sets none.
    """

    medium: Literal["Memory"] | None = None
    size_limit: Quantity | None = None


class Claim(Model):
    """A PersistentVolumeClaim that is there already.

    Attributes:
        name: of the claim, in the service's namespace.
        read_only: mounts it for reading in every container.
    """

    name: Subdomain
    read_only: Bool = False


class Token(Model):
    """A token of the pod's ServiceAccount, for an audience other than the API server.

    Attributes:
        path: of the file.
        audience: whom it is for; None is the API server.
        expiration_seconds: after which the kubelet has renewed it.
    """

    path: RelativePath
    audience: str | None = None
    expiration_seconds: Annotated[Int, Field(ge=600, le=2**32)] = 3600


class Projection(Model):
    """One of the sources of a projected volume: exactly one key.

    Attributes:
        config_map: a ConfigMap.
        secret: a Secret.
        token: a token of the ServiceAccount.
    """

    config_map: Source | None = None
    secret: Source | None = None
    token: Token | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Projection":
        return _one_key(self, "Example: {token: {path: token, audience: vault}}")


class Volume(Model):
    """One volume: exactly one key.

    Attributes:
        config_map: the keys of a ConfigMap as files.
        secret: the keys of a Secret as files.
        empty_dir: an empty folder.
        persistent_volume_claim: a claim that is there already.
        projected: several ConfigMaps, Secrets and tokens in one folder.
    """

    config_map: Source | None = None
    secret: Source | None = None
    empty_dir: EmptyDir | None = None
    persistent_volume_claim: Claim | None = None
    projected: Annotated[tuple[Projection, ...], Field(min_length=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_path_of_the_host(cls, raw: object) -> object:
        if isinstance(raw, dict) and "hostPath" in raw:
            raise ValueError(
                "has hostPath, which the restricted pod security level forbids | "
                "Use a persistentVolumeClaim, or a ConfigMap for files."
            )
        return raw

    @model_validator(mode="after")
    def _is_one(self) -> "Volume":
        return _one_key(self, "Example: {configMap: {name: backend-config}}")

    def sources(self) -> Iterator[tuple[Literal["ConfigMap", "Secret"], Source]]:
        """The ConfigMaps and Secrets in it."""
        places: list[Volume | Projection] = [self, *(self.projected or ())]
        for place in places:
            if place.config_map is not None:
                yield "ConfigMap", place.config_map
            if place.secret is not None:
                yield "Secret", place.secret


class Mount(Model):
    """Where a container has a volume.

    Attributes:
        volume: a key of `volumes`, or ``tmp``.
        path: in the container.
        sub_path: a file or folder of the volume alone. The kubelet does not renew what is mounted this way.
        read_only: whether the container may only read.
    """

    volume: str
    path: MountPath
    sub_path: RelativePath | None = None
    read_only: Bool = False


def _one_key(value: One, example: str) -> One:
    given = [name for name in type(value).model_fields if getattr(value, name) is not None]
    if len(given) != 1:
        keys = ", ".join(str(field.alias or name) for name, field in type(value).model_fields.items())
        raise ValueError(f"must have exactly one of {keys} | {example}")
    return value
