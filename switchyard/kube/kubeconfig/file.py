"""Reads one kubeconfig file with the types and the strictness of client-go.

kubectl refuses a whole file for one value of a wrong type, also in an entry that nobody selects, and so does the
Kubernetes provider. A reader that is more forgiving would continue where these two have stopped.
"""

import base64
import binascii
import json
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from switchyard.errors import KubeconfigError
from switchyard.kube.kubeconfig.go_yaml import GoLoader

PROBLEMS_SHOWN = 5
RULES = {
    "string_type": "must be text (a number or a date needs quotes)",
    "bool_type": "must be true or false, without quotes",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "value_error": "must be base64",
}
"""The rule of a value, by the name that pydantic has for its error."""


def _without_nulls(value: Any) -> Any:
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value


def _without_null_items(value: Any) -> Any:
    return [{} if item is None else item for item in value] if isinstance(value, list) else value


def _base64(text: str) -> str:
    try:
        base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None
    return text


Base64 = Annotated[str, AfterValidator(_base64)]


class _Part(BaseModel):
    """A part of a kubeconfig. Unknown keys are ignored, null is the zero value, and types are never converted."""

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        alias_generator=lambda name: name.replace("_", "-"),
        defer_build=True,  # so a part is built with the whole that it is in, and not once more by itself
    )

    def written(self) -> dict[str, Any]:
        """The part as it is written to a file, without empty values."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


class Extension(_Part):
    """Data of another tool, under its name."""

    name: str = ""
    extension: Any = None


def _list_of(part: Any) -> Any:
    """A list of parts in which null stands for an empty one."""
    return Annotated[
        list[Annotated[part, BeforeValidator(_without_nulls)]],
        BeforeValidator(_without_null_items),
    ]


class ClusterEntry(_Part):
    """A cluster: the address of its API server, and how its certificate is verified."""

    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    certificate_authority: str = ""
    certificate_authority_data: Base64 = ""
    proxy_url: str = ""
    disable_compression: bool = False
    extensions: _list_of(Extension) = Field(default_factory=list)  # type: ignore[valid-type]


class EnvironmentVariable(_Part):
    """A variable for the login command."""

    name: str = ""
    value: str = ""


class ExecEntry(_Part):
    """A login command (an exec credential plugin)."""

    command: str = ""
    args: list[str] = Field(default_factory=list)
    env: _list_of(EnvironmentVariable) = Field(default_factory=list)  # type: ignore[valid-type]
    api_version: str = Field(default="", alias="apiVersion")
    install_hint: str = Field(default="", alias="installHint")
    provide_cluster_info: bool = Field(default=False, alias="provideClusterInfo")
    interactive_mode: str = Field(default="", alias="interactiveMode")


class AuthProvider(_Part):
    """An authentication provider, which exec plugins have replaced."""

    name: str = ""
    config: dict[str, str] = Field(default_factory=dict)


class UserEntry(_Part):
    """A user: how a client authenticates."""

    client_certificate: str = ""
    client_certificate_data: Base64 = ""
    client_key: str = ""
    client_key_data: Base64 = ""
    token: str = ""
    token_file: str = Field(default="", alias="tokenFile")
    username: str = ""
    password: str = ""
    impersonate: str = Field(default="", alias="as")
    as_uid: str = ""
    as_groups: list[str] = Field(default_factory=list)
    as_user_extra: dict[str, list[str]] = Field(default_factory=dict)
    auth_provider: Annotated[AuthProvider | None, BeforeValidator(_without_nulls)] = None
    exec: Annotated[ExecEntry | None, BeforeValidator(_without_nulls)] = None

    @property
    def has_credential(self) -> bool:
        """Whether the entry has a credential, or the path of one."""
        certificate = self.client_certificate or self.client_certificate_data
        return bool(self.token or self.token_file or self.username or self.password or certificate)

    @property
    def identifies(self) -> bool:
        """Whether the entry authenticates a client, by a credential or by a login command."""
        return self.has_credential or self.exec is not None or self.auth_provider is not None


class ContextEntry(_Part):
    """A cluster and a user, by name."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""
    extensions: _list_of(Extension) = Field(default_factory=list)  # type: ignore[valid-type]


class NamedCluster(_Part):
    """A cluster under its name."""

    name: str = ""
    entry: Annotated[ClusterEntry, BeforeValidator(_without_nulls)] = Field(
        default=ClusterEntry.model_construct(), alias="cluster"
    )


class NamedUser(_Part):
    """A user under its name."""

    name: str = ""
    entry: Annotated[UserEntry, BeforeValidator(_without_nulls)] = Field(
        default=UserEntry.model_construct(), alias="user"
    )


class NamedContext(_Part):
    """A context under its name."""

    name: str = ""
    entry: Annotated[ContextEntry, BeforeValidator(_without_nulls)] = Field(
        default=ContextEntry.model_construct(), alias="context"
    )


class Preferences(_Part):
    """Preferences of kubectl, which no longer uses them."""

    colors: bool = False
    extensions: _list_of(Extension) = Field(default_factory=list)  # type: ignore[valid-type]


class KubeconfigFile(_Part):
    """The content of one kubeconfig file."""

    kind: str = ""
    api_version: str = Field(default="", alias="apiVersion")
    clusters: _list_of(NamedCluster) = Field(default_factory=list)  # type: ignore[valid-type]
    users: _list_of(NamedUser) = Field(default_factory=list)  # type: ignore[valid-type]
    contexts: _list_of(NamedContext) = Field(default_factory=list)  # type: ignore[valid-type]
    current_context: str = ""
    preferences: Annotated[Preferences, BeforeValidator(_without_nulls)] = Field(default=Preferences.model_construct())
    extensions: _list_of(Extension) = Field(default_factory=list)  # type: ignore[valid-type]


Entry = TypeVar("Entry", ClusterEntry, UserEntry, ContextEntry)


class Located(Generic[Entry]):
    """An entry, and the directory that its relative paths count from; None for a kubeconfig that is in no file."""

    def __init__(self, entry: Entry, directory: Path | None) -> None:
        self.entry: Entry = entry
        self.directory = directory


def read_file(path: Path) -> KubeconfigFile:
    """Reads a file.

    Args:
        path: path of the file.

    Raises:
        FileNotFoundError: the file does not exist.
        KubeconfigError: the file cannot be read, or is not a kubeconfig. The text does not have the path.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise KubeconfigError("is a directory and not a file. Name the file in it.") from None
    except OSError as error:
        raise KubeconfigError(f"cannot be read: {error.strerror}. Check its owner and its mode.") from None
    except ValueError:  # a character NUL, which no path has
        raise KubeconfigError("is not a path of a file. Correct it.") from None
    return read_content(content)


def read_content(content: bytes) -> KubeconfigFile:
    """Parses the content of a file. Raises `KubeconfigError` as `read_file` does."""
    parsed = _parsed(content)
    if parsed is None:
        return KubeconfigFile()
    if not isinstance(parsed, dict):
        raise KubeconfigError("is not a kubeconfig: it must be a YAML mapping with clusters, users and contexts.")
    if len(content) and (parsed.get("kind") or "Config", parsed.get("apiVersion") or "v1") != ("Config", "v1"):
        raise KubeconfigError(
            "is not a kubeconfig: it must have kind Config and apiVersion v1, and has kind "
            f"{str(parsed.get('kind'))[:40]!r} and apiVersion {str(parsed.get('apiVersion'))[:40]!r}."
        )
    try:
        file = KubeconfigFile.model_validate(_without_nulls(parsed))
    except ValidationError as error:
        raise KubeconfigError(f"has values of a wrong type: {_typed(error)}. Correct these.") from None
    for key, entries in (("clusters", file.clusters), ("users", file.users), ("contexts", file.contexts)):
        names = [entry.name for entry in entries]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise KubeconfigError(f"has two {key} named {repeated[0]!r}. Rename one of them, or remove it.")
    return file


def _parsed(content: bytes) -> Any:
    try:
        # JSON first: YAML forbids the tabs that JSON may be indented with.
        return json.loads(content)
    except (ValueError, RecursionError):
        pass
    try:
        # As Go does: what follows a first document is not read.
        return next(yaml.load_all(content, Loader=GoLoader), None)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        location = f" in line {mark.line + 1}" if mark else ""
        # Without the line itself, which may hold a credential.
        raise KubeconfigError(f"is not valid YAML: {error.problem or error.context}{location}. Correct it.") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError, AttributeError, KeyError):
        # The last two: a tag such as !!timestamp before something else.
        raise KubeconfigError("is not UTF-8 text, or has characters that YAML forbids. Save it again.") from None


def _typed(error: ValidationError) -> str:
    """The paths and rules of wrong values, never the values."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))} {RULES.get(problem['type'], 'must be of another type')}"
        for problem in error.errors()[:PROBLEMS_SHOWN]
    )
