"""Resolves the one cluster, user and context of a setting and the environment, by the rules of client-go.

Everything that talks to the cluster starts from here: gates, command line, and what the provider is given. The rules
are those of `clientcmd` (tools/clientcmd/loader.go and client_config.go of k8s.io/client-go v0.34), which kubectl and
the provider are built with; where kubectl would use localhost:8080 or an anonymous user, this refuses.
"""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from switchyard.errors import KubeconfigError
from switchyard.kube.kubeconfig.checks import problems_of
from switchyard.kube.kubeconfig.environment import KubeconfigEnvironment
from switchyard.kube.kubeconfig.file import (
    ClusterEntry,
    ContextEntry,
    KubeconfigFile,
    Located,
    UserEntry,
    read_content,
    read_file,
)

SETTING = "switchyard:cluster.kubeconfig"
CONTEXT_SETTING = "switchyard:cluster.context"
VARIABLE = "KUBECONFIG"
IN_CLUSTER = "in-cluster"
ABSENT = "which is in none of its files. Correct the context, or choose another."


@dataclass(frozen=True)
class ResolvedCluster:
    """One cluster, one user and one context. Paths in it are absolute.

    Attributes:
        context: name of the context.
        cluster_name: name of the cluster in the kubeconfig.
        user_name: name of the user in the kubeconfig.
        cluster: address of the API server, and how its certificate is verified.
        user: how a client authenticates; never shown.
        source: the files of the kubeconfig, as text.
        file: the file that the settings name; None if kubectl finds the kubeconfig by itself.
        directory_matters: whether it has a relative path that counts from another directory than the project's.
    """

    context: str
    cluster_name: str
    user_name: str
    cluster: ClusterEntry
    user: UserEntry = field(repr=False)
    source: str
    file: Path | None = None
    directory_matters: bool = False

    def minimised(self) -> dict[str, Any]:
        """A kubeconfig of this context alone. It may hold credentials."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.cluster_name, "cluster": self.cluster.written()}],
            "users": [{"name": self.user_name, "user": self.user.written()}],
            "contexts": [{"name": self.context, "context": {"cluster": self.cluster_name, "user": self.user_name}}],
            "current-context": self.context,
        }

    @property
    def kubectl(self) -> str:
        """The kubectl command line for the same cluster, for a shell."""
        file = "" if self.file is None else f" --kubeconfig {shlex.quote(str(self.file))}"
        return f"kubectl{file} --context {shlex.quote(self.context)}"

    @property
    def described(self) -> str:
        """The kubeconfig and the context, as a message names them."""
        return f"kubeconfig {self.source}, context {self.context!r}"


def resolve(
    setting: str | None, context: str | None, surroundings: KubeconfigEnvironment | None = None
) -> ResolvedCluster:
    """Resolves the cluster, user and context.

    Args:
        setting: path of a kubeconfig in the settings; None for KUBECONFIG or ~/.kube/config.
        context: context in it; None for its current one.
        surroundings: where to search; None for those of this process.

    Raises:
        KubeconfigError: no kubeconfig exists, or it cannot be used.
    """
    surroundings = surroundings or KubeconfigEnvironment.of_process()
    files = _explicit(setting, surroundings) if setting else _default(surroundings)
    merged = _Merged(files)
    if (
        not (context or merged.current_context)
        and not setting
        and (in_cluster := _in_cluster(surroundings)) is not None
    ):
        return in_cluster
    if not files:
        raise KubeconfigError(_no_kubeconfig(surroundings))
    source = ", ".join(str(path) for path in files)
    resolved = merged.select(context, f"{SETTING}: {setting!r}" if setting else source, source, surroundings.project)
    return replace(resolved, file=surroundings.expanded(setting)) if setting else resolved


def resolve_content(content: str) -> ResolvedCluster:
    """Resolves the kubeconfig of a cluster that the stack creates, which is in no file."""
    merged = _Merged({None: read_content(content.encode())})
    return merged.select(None, "the stack's own kubeconfig", "of the stack itself", None)


def _explicit(setting: str, surroundings: KubeconfigEnvironment) -> dict[Path | None, KubeconfigFile]:
    path = surroundings.expanded(setting)
    try:
        return {path: read_file(path)}
    except FileNotFoundError:
        raise KubeconfigError(
            f"{SETTING}: {setting!r}: there is no such file. "
            "Name the kubeconfig of a cluster that runs; for the sandbox: make up."
        ) from None
    except KubeconfigError as error:
        raise KubeconfigError(f"{SETTING}: {setting!r}: {error}") from None


def _default(surroundings: KubeconfigEnvironment) -> dict[Path | None, KubeconfigFile]:
    listed = [entry for entry in surroundings.environment.get(VARIABLE, "").split(os.pathsep) if entry]
    if surroundings.environment.get(VARIABLE):
        relative = [entry for entry in listed if not Path(entry).is_absolute()]
        if relative and surroundings.working != surroundings.project:
            raise KubeconfigError(
                f"{VARIABLE}: {relative[0]!r}: a relative path counts from this directory for kubectl, and from the "
                f"project's, {surroundings.project}, for pulumi. Make it absolute: export {VARIABLE}=$PWD/{relative[0]}"
            )
    else:
        listed = [f"{surroundings.home}/.kube/config"]
    files: dict[Path | None, KubeconfigFile] = {}
    for entry in listed:
        path = surroundings.working / entry
        try:
            files.setdefault(path, read_file(path))
        except FileNotFoundError:
            continue
        except KubeconfigError as error:
            origin = VARIABLE if surroundings.environment.get(VARIABLE) else "kubeconfig"
            raise KubeconfigError(f"{origin}: {entry!r}: {error}") from None
    return files


def _no_kubeconfig(surroundings: KubeconfigEnvironment) -> str:
    variable = surroundings.environment.get(VARIABLE)
    missing = f"{VARIABLE}: {variable!r}: none of its files exists" if variable else "there is no ~/.kube/config"
    if variable and "~" in variable:
        missing += f" (nothing but a shell expands ~: export {VARIABLE}=$HOME/...)"
    return (
        f"{missing}. kubectl would use localhost:8080. Set {SETTING} or {VARIABLE} to "
        "the kubeconfig of a cluster that runs; for the sandbox: make up."
    )


def _in_cluster(surroundings: KubeconfigEnvironment) -> ResolvedCluster | None:
    """The cluster of the pod in which this process runs, which client-go uses without a kubeconfig."""
    host, port = (surroundings.environment.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    token, authority = surroundings.service_account / "token", surroundings.service_account / "ca.crt"
    if not (host and port and token.is_file()):
        return None
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    cluster = ClusterEntry(server=server, certificate_authority=str(authority) if authority.is_file() else "")
    user = UserEntry(tokenFile=str(token))
    return ResolvedCluster(IN_CLUSTER, IN_CLUSTER, IN_CLUSTER, cluster, user, f"of the pod ({token})")


class _Merged:
    """Several files as one: the first that has an entry of a name, or a current context, decides."""

    def __init__(self, files: Mapping[Path | None, KubeconfigFile]) -> None:
        self.clusters: dict[str, Located[ClusterEntry]] = {}
        self.users: dict[str, Located[UserEntry]] = {}
        self.contexts: dict[str, ContextEntry] = {}
        self.current_context = ""
        for path, file in files.items():
            directory = None if path is None else Path(os.path.abspath(path.parent))
            for cluster in file.clusters:
                self.clusters.setdefault(cluster.name, Located(cluster.entry, directory))
            for user in file.users:
                self.users.setdefault(user.name, Located(user.entry, directory))
            for context in file.contexts:
                self.contexts.setdefault(context.name, context.entry)
            self.current_context = self.current_context or file.current_context

    def select(self, context: str | None, origin: str, source: str, project: Path | None) -> ResolvedCluster:
        """Returns one context of the merged files. Raises `KubeconfigError`."""
        name = context or self.current_context
        entry = self._context(context, name, origin)
        if (cluster := self.clusters.get(entry.cluster)) is None:
            raise KubeconfigError(f"{origin}: context {name!r} names cluster {entry.cluster!r}, {ABSENT}")
        # A context without a user is what `kubectl proxy` is reached by.
        user = self.users.get(entry.user) or (None if entry.user else Located(UserEntry(), None))
        if user is None:
            raise KubeconfigError(f"{origin}: context {name!r} names user {entry.user!r}, {ABSENT}")
        absolute_cluster, moved_cluster = _absolute(cluster)
        absolute_user, moved_user = _absolute(user)
        resolved = ResolvedCluster(
            context=name,
            cluster_name=entry.cluster,
            user_name=entry.user,
            cluster=absolute_cluster,
            user=absolute_user,
            source=source,
            directory_matters=any(directory != project for directory in moved_cluster | moved_user),
        )
        if problems := problems_of(resolved.cluster_name, resolved.cluster, resolved.user_name, resolved.user):
            raise KubeconfigError(f"{origin}, context {name!r}: {' '.join(problems)}")
        return resolved

    def _context(self, setting: str | None, name: str, origin: str) -> ContextEntry:
        known = ", ".join(sorted(self.contexts)) or "none"
        if not name:
            raise KubeconfigError(
                f"{origin}: it has no current context, and kubectl would use localhost:8080. "
                f"Set {CONTEXT_SETTING} to one of its contexts: {known}."
            )
        if name not in self.contexts:
            named_by = CONTEXT_SETTING if setting else "current-context"
            raise KubeconfigError(
                f"{origin}: {named_by} is {name!r}, and there is no such context. Contexts there: {known}."
            )
        return self.contexts[name]


def _absolute(located: Located[Any]) -> tuple[Any, set[Path]]:
    """An entry with absolute paths, and the base directory of its relative paths if it had one."""
    if located.directory is None:
        return located.entry, set()
    entry, directory = located.entry, located.directory
    keys = ("certificate_authority", "client_certificate", "client_key", "token_file")
    changes: dict[str, Any] = {}
    for key in keys:
        path = getattr(entry, key, "")
        if path and not Path(path).is_absolute():
            changes[key] = os.path.normpath(directory / path)
    login = getattr(entry, "exec", None)
    if login is not None and os.sep in login.command and not Path(login.command).is_absolute():
        changes["exec"] = login.model_copy(update={"command": os.path.normpath(directory / login.command)})
    return (entry.model_copy(update=changes) if changes else entry), ({directory} if changes else set())
