"""Runs the login command of a kubeconfig (an exec credential plugin) once, in bounded time, and reads its answer."""

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from switchyard.errors import KubeconfigError, LoginError
from switchyard.kube.kubeconfig.file import ExecEntry
from switchyard.kube.kubeconfig.resolve import ResolvedCluster

LOGIN_SECONDS = 30.0
"""Time limit in seconds for a login command. It has no terminal; cloud CLIs need 1-10 s."""

SHOWN_CHARACTERS = 1500
"""Characters of the command's own output that a message shows, from its end: the reason of a failure comes last."""

EXEC_INFO = "KUBERNETES_EXEC_INFO"
CLUSTER_EXTENSION = "client.authentication.k8s.io/exec"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f]")
"""Escape sequences of a terminal, such as colours, and control characters."""


@dataclass(frozen=True)
class Credential:
    """The credential in the answer of a login command. It is never shown.

    Attributes:
        token: token for the header Authorization; empty without one.
        certificate: client certificate in PEM; empty without one.
        key: key of the client certificate in PEM.
        ends: time at which it expires; None if unknown.
    """

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    ends: datetime | None = None


def run_plugin(login: ExecEntry, resolved: ResolvedCluster) -> Credential:
    """Runs the command and reads its answer. Blocks.

    Args:
        login: the login command.
        resolved: the cluster and user of the command.

    Raises:
        LoginError: the command is missing, fails, takes too long, or prints no credential.
    """
    environment = os.environ | {variable.name: variable.value for variable in login.env}
    environment[EXEC_INFO] = json.dumps(_request(login, resolved))
    try:
        # A session of its own, so that what the command has started ends with it.
        process = subprocess.Popen(
            [login.command, *login.args],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        hint = f" {_shown(login.install_hint)}" if login.install_hint else ""
        missing = (
            "is not installed here" if isinstance(error, FileNotFoundError) else f"cannot be run: {error.strerror}"
        )
        raise _error(resolved, login, f"{missing}.{hint}", "Install it or correct its path") from None
    except ValueError as error:  # a character NUL, or a variable with = in its name
        raise _error(resolved, login, f"cannot be run: {error}.", "Correct its command, args and env") from None
    try:
        answer, stderr = process.communicate(timeout=LOGIN_SECONDS)
    except subprocess.TimeoutExpired:
        _kill(process)
        stderr = _stderr_of_killed(process)
        problem = f"has not ended in {LOGIN_SECONDS:g} s.{_stderr_text(stderr)}"
        raise _error(resolved, login, problem, "Does it wait for a browser or an answer? Log in beforehand") from None
    except BaseException:
        _kill(process)
        raise
    if process.returncode:
        raise _error(resolved, login, f"failed with exit code {process.returncode}.{_stderr_text(stderr)}", "Log in")
    try:
        return _credential(login, json.loads(answer))
    except (ValueError, RecursionError) as error:
        problem = f"answered with no credential: {_problem(error)}.{_stderr_text(stderr)}"
        raise _error(resolved, login, problem, "Correct or update the plugin") from None


def _request(login: ExecEntry, resolved: ResolvedCluster) -> dict[str, Any]:
    specification: dict[str, Any] = {"interactive": False}
    if login.provide_cluster_info:
        specification["cluster"] = _cluster(resolved)
    return {"kind": "ExecCredential", "apiVersion": login.api_version, "spec": specification}


def _cluster(resolved: ResolvedCluster) -> dict[str, Any]:
    cluster = resolved.cluster
    authority = cluster.certificate_authority_data
    if not authority and cluster.certificate_authority:
        try:
            authority = base64.b64encode(Path(cluster.certificate_authority).read_bytes()).decode()
        except OSError as error:
            raise KubeconfigError(f"{cluster.certificate_authority} cannot be read: {error.strerror}") from None
    info = {
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": authority,
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
        "config": next((entry.extension for entry in cluster.extensions if entry.name == CLUSTER_EXTENSION), None),
    }
    return {key: value for key, value in info.items() if value}


def _credential(login: ExecEntry, answer: Any) -> Credential:
    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise ValueError("it must print an object of kind ExecCredential")
    if answer.get("apiVersion") != login.api_version:
        raise ValueError(f"it must have apiVersion {login.api_version}, as the kubeconfig says")
    status = answer.get("status")
    if not isinstance(status, dict):
        raise ValueError("it has no status")
    token, certificate, key = (status.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData"))
    if not all(isinstance(value, str) and _is_unicode(value) for value in (token, certificate, key)):
        raise ValueError("token, clientCertificateData and clientKeyData must be text")
    if not (token or certificate or key):
        raise ValueError("it has neither a token nor a certificate")
    if bool(certificate) != bool(key):
        raise ValueError("it has a certificate or a key, and not both")
    return Credential(token, certificate, key, _moment(status.get("expirationTimestamp")))


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError("its expirationTimestamp must be a time in RFC 3339") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_unicode(text: str) -> bool:
    """Whether a text can be sent. JSON can have half of a pair of surrogates, which is no character."""
    return text.encode(errors="replace").decode() == text


def _problem(error: Exception) -> str:
    is_json = not isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError)
    return str(error) if is_json else "it must print JSON"


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _stderr_of_killed(process: "subprocess.Popen[bytes]") -> bytes:
    """The output of a killed command on stderr."""
    try:
        return process.communicate(timeout=1)[1]
    except subprocess.TimeoutExpired:  # a descendant that left the session holds the pipe
        return b""


def _stderr_text(stderr: bytes) -> str:
    """The output of the command on stderr. Its stdout is not shown, because it has the credential."""
    text = _shown(stderr.decode(errors="replace"))
    return f" It says: {text}" if text else " It gives no reason."


def _shown(text: str) -> str:
    lines = [line.strip() for line in ESCAPES.sub("", text.replace("\r", "\n")).splitlines()]
    whole = "\n".join(line for line in lines if line)
    return whole if len(whole) <= SHOWN_CHARACTERS else f"... {whole[-SHOWN_CHARACTERS:]}"


def _error(resolved: ResolvedCluster, login: ExecEntry, problem: str, remedy: str) -> LoginError:
    # Its arguments and variables may hold a secret, and are left out.
    return LoginError(
        f"{resolved.described}: the login command {login.command!r} of user {resolved.user_name!r} {problem}\n"
        f"{remedy}, see that `{resolved.kubectl} get nodes` answers, and run this again."
    )
