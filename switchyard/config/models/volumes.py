"""Volumes of a pod, and where its containers mount them."""

from collections.abc import Iterator
from posixpath import normpath
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field, model_validator

from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.types.rules import Checked
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


def _file(path: str) -> str:
    if _relative(path).startswith(".."):
        raise ValueError("must not begin with .., which the kubelet keeps for itself | Example: app.yaml")
    return path


RelativePath = Annotated[str, Checked(_relative, "a relative path without ..")]
FilePath = Annotated[str, Checked(_file, "a relative path without .. that does not begin with ..")]

MountPath = Annotated[
    str,
    matching(r"/[^:\0]*", "must be an absolute path without : | Example: /etc/backend"),
]


class ProjectedSource(Model):
    """A ConfigMap or a Secret whose keys become files beside those of other sources."""

    name: Subdomain = Field(description="Name of the object, in the service's namespace.", examples=["backend-config"])
    items: dict[SecretKey, FilePath] = Field(
        default={},
        description="Keys that become files, each with its relative path. Default: all keys, under their own names.",
        examples=[{"app.yaml": "app.yaml"}],
    )
    optional: Bool = Field(default=False, description="Whether the pod starts although the object or a key is missing.")


class Source(ProjectedSource):
    """A ConfigMap or a Secret whose keys become files."""

    default_mode: FileMode | None = Field(
        default=None,
        description=(
            "Permissions of the files, as a decimal number: 292 is 0444, 256 is 0400. Default: 420, which is 0644."
        ),
        examples=[292],
    )


class EmptyDir(Model):
    """An empty directory that is deleted with the pod."""

    medium: Literal["Memory"] | None = Field(
        default=None,
        description=(
            "`Memory` keeps it in memory, which counts towards the memory limit. Default: the disk of the node."
        ),
        examples=["Memory"],
    )
    size_limit: Quantity | None = Field(
        default=None,
        description="Size in bytes above which the pod is evicted. Without it there is no limit.",
        examples=["64Mi"],
    )


class Claim(Model):
    """An existing PersistentVolumeClaim."""

    name: Subdomain = Field(description="Name of the claim, in the service's namespace.", examples=["backend-data"])
    read_only: Bool = Field(default=False, description="Whether every container mounts it for reading only.")


class Ephemeral(Model):
    """A PersistentVolumeClaim of each pod, which is deleted with it."""

    size: Quantity = Field(description="Requested size in bytes.", examples=["10Gi"])
    storage_class: Subdomain | None = Field(
        default=None, description="Name of the StorageClass. Default: that of the cluster.", examples=["gp3"]
    )
    access_mode: Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"] = Field(
        default="ReadWriteOnce", description="Access mode of the claim."
    )


class Csi(Model):
    """An inline volume of a CSI driver, for example the Secrets Store CSI Driver."""

    driver: Subdomain = Field(description="Name of the CSI driver.", examples=["secrets-store.csi.k8s.io"])
    attributes: dict[str, str] = Field(
        default={},
        description="Attributes of the volume by name, which the driver defines.",
        examples=[{"secretProviderClass": "backend"}],
    )
    read_only: Bool = Field(default=True, description="Whether the volume can only be read.")
    fs_type: str | None = Field(
        default=None, description="Type of the file system. Default: that of the driver.", examples=["ext4"]
    )
    secret: Subdomain | None = Field(
        default=None,
        description="Name of the Secret that the driver needs to provide the volume.",
        examples=["backend-secrets"],
    )


class Token(Model):
    """A token of the pod's ServiceAccount, for an audience other than the API server."""

    path: FilePath = Field(description="Relative path of the file.", examples=["token"])
    audience: str | None = Field(
        default=None, description="Audience of the token. Default: the API server.", examples=["vault"]
    )
    expiration_seconds: Annotated[Int, Field(ge=600, le=2**32)] = Field(
        default=3600, description="Seconds for which the token is valid. The kubelet renews it before."
    )


class Projection(Model):
    """One source of a projected volume. It has exactly one of these keys."""

    indivisible: ClassVar[bool] = True

    config_map: ProjectedSource | None = Field(
        default=None, description="Keys of a ConfigMap as files.", examples=[{"name": "backend-config"}]
    )
    secret: ProjectedSource | None = Field(
        default=None, description="Keys of a Secret as files.", examples=[{"name": "backend-secrets"}]
    )
    token: Token | None = Field(
        default=None,
        description="Token of the ServiceAccount as a file.",
        examples=[{"path": "token", "audience": "vault"}],
    )

    @model_validator(mode="after")
    def _is_one(self) -> "Projection":
        return _one_key(self, "Example: {token: {path: token, audience: vault}}")


class Volume(Model):
    """One volume. It has exactly one of these keys."""

    indivisible: ClassVar[bool] = True

    config_map: Source | None = Field(
        default=None, description="Keys of a ConfigMap as files.", examples=[{"name": "backend-config"}]
    )
    secret: Source | None = Field(
        default=None, description="Keys of a Secret as files.", examples=[{"name": "backend-secrets"}]
    )
    empty_dir: EmptyDir | None = Field(default=None, description="Empty directory.", examples=[{"sizeLimit": "64Mi"}])
    persistent_volume_claim: Claim | None = Field(
        default=None, description="Existing PersistentVolumeClaim.", examples=[{"name": "backend-data"}]
    )
    ephemeral: Ephemeral | None = Field(
        default=None,
        description="PersistentVolumeClaim of each pod, which is deleted with it.",
        examples=[{"size": "10Gi"}],
    )
    csi: Csi | None = Field(
        default=None,
        description="Inline volume of a CSI driver.",
        examples=[{"driver": "secrets-store.csi.k8s.io", "attributes": {"secretProviderClass": "backend"}}],
    )
    projected: Annotated[tuple[Projection, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Several ConfigMaps, Secrets and tokens in one directory.",
        examples=[[{"configMap": {"name": "backend-config"}}, {"token": {"path": "token", "audience": "vault"}}]],
    )

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

    def sources(self) -> Iterator[tuple[Literal["ConfigMap", "Secret"], ProjectedSource]]:
        """The ConfigMaps and Secrets that the volume contains, each with its kind."""
        places: list[Volume | Projection] = [self, *(self.projected or ())]
        for place in places:
            if place.config_map is not None:
                yield "ConfigMap", place.config_map
            if place.secret is not None:
                yield "Secret", place.secret


class Mount(Model):
    """Where a container mounts a volume."""

    volume: str = Field(description="Name of a volume of `volumes`, or `tmp`.", examples=["config"])
    path: MountPath = Field(description="Absolute path in the container.", examples=["/etc/backend"])
    sub_path: RelativePath | None = Field(
        default=None,
        description=(
            "Relative path of the one file or directory of the volume that is mounted. The kubelet does not "
            "update what is mounted this way."
        ),
        examples=["app.yaml"],
    )
    read_only: Bool = Field(default=False, description="Whether the container may only read.")

    @property
    def place(self) -> str:
        """The normalised path, by which two mounts at the same path are detected."""
        return normpath(self.path).replace("//", "/")


def _one_key(value: One, example: str) -> One:
    present = [name for name in type(value).model_fields if getattr(value, name) is not None]
    if len(present) != 1:
        keys = ", ".join(str(field.alias or name) for name, field in type(value).model_fields.items())
        raise ValueError(f"must have exactly one of {keys} | {example}")
    return value
