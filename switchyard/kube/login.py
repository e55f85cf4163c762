"""Address, headers, certificates and proxy of a connection to an API server, from one context."""

import base64
import contextlib
import hashlib
import os
import re
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from switchyard.errors import KubeconfigError, LoginError
from switchyard.kube.exec_plugin import Credential, run_plugin
from switchyard.kube.kubeconfig.resolve import ResolvedCluster
from switchyard.kube.proxies import proxy_for, proxy_problem

RENEWAL_SECONDS = 10.0
"""Seconds during which a new credential is not renewed again: a 403 is then not about its age."""

EXPIRY_MARGIN = timedelta(seconds=30)
"""A credential that expires within this time is renewed before a call."""

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""Control characters, which no HTTP header may have."""

Header = tuple[str, str]


class Login:
    """The credentials of a context, kept in memory and renewed when they expire.

    Args:
        resolved: the context.
    """

    def __init__(self, resolved: ResolvedCluster) -> None:
        self.resolved = resolved
        self._lock = threading.Lock()
        self._credential: Credential | None = None
        self._renewed = 0.0

    @property
    def server(self) -> str:
        """URL of the API server. As for client-go, an address without a scheme is plain HTTP."""
        server = self.resolved.cluster.server
        parts = urlsplit(server if "://" in server else f"http://{server}")
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is HTTPS. client-go sends no credential over plain HTTP."""
        return urlsplit(self.server).scheme == "https"

    @property
    def proxy(self) -> str | None:
        """URL of the proxy to the API server; None without a proxy.

        Raises:
            KubeconfigError: the environment has a proxy that cannot be used.
        """
        if self.resolved.cluster.proxy_url:
            return self.resolved.cluster.proxy_url
        proxy = proxy_for(self.server, os.environ)
        if proxy is not None and (problem := proxy_problem(proxy)):
            variable = f"{urlsplit(self.server).scheme.upper()}_PROXY"
            raise KubeconfigError(
                f"{self.resolved.described}: the proxy in the environment variable {variable} {problem} "
                f"Where no proxy is needed, add the host of {self.server} to NO_PROXY."
            )
        return proxy

    def renew(self, *, forced: bool = False) -> None:
        """Runs the login command if there is one and its last answer has expired. Blocks for as long as it takes.

        Args:
            forced: whether the API server has refused the last answer.

        Raises:
            LoginError: the login command fails.
        """
        login = self.resolved.user.exec
        if login is None or not self.is_encrypted or self.resolved.user.has_credential:
            return  # client-go as well prefers what the kubeconfig holds itself
        with self._lock:
            if self._credential is None or _ended(self._credential) or (forced and not self._is_young):
                self._credential = run_plugin(login, self.resolved)
                self._renewed = time.monotonic()

    @property
    def is_expired(self) -> bool:
        """Whether the login command's last answer has to be renewed before the next call."""
        return self._credential is not None and _ended(self._credential) and not self._is_young

    @property
    def _is_young(self) -> bool:
        return time.monotonic() - self._renewed < RENEWAL_SECONDS

    def fingerprint(self) -> str:
        """A digest of the credentials and certificates as they are now, in memory and in files.

        Raises:
            LoginError: a file cannot be read.
        """
        digest = hashlib.sha256()
        for part in (*(value for pair in self.headers() for value in pair), *self._certificates()):
            digest.update(part.encode() if isinstance(part, str) else part)
            digest.update(b"\0")
        return digest.hexdigest()

    def headers(self) -> list[tuple[str, bytes]]:
        """The HTTP headers that authenticate the user, and those that impersonate another one.

        Raises:
            LoginError: the file of the token cannot be read, or a value is not valid in a header.
        """
        headers = [*self._authorization(), *self._impersonation()]
        for key, value in headers:
            # The HTTP library would show the value.
            if CONTROL.search(value):
                raise LoginError(
                    f"{self.resolved.described}: {key} of user {self.resolved.user_name!r} would have a line end or "
                    "another control character. Write the value on one line."
                )
        return [(key, value.encode()) for key, value in headers]

    def ssl_context(self) -> ssl.SSLContext:
        """The TLS settings: how the server's certificate is verified, and the client's certificate.

        Raises:
            KubeconfigError: a certificate or a key is not valid.
        """
        cluster = self.resolved.cluster
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority, certificate, key = self._certificates()
        if cluster.insecure_skip_tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif authority:
            with self._kubeconfig_errors(f"the certificate authority of cluster {self.resolved.cluster_name!r}"):
                # As in Go, text around the certificates may have any characters.
                context.load_verify_locations(cadata=authority.decode("ascii", errors="ignore"))
        else:
            context.load_default_certs()
        if certificate:
            with self._kubeconfig_errors(f"the client certificate and key of user {self.resolved.user_name!r}"):
                _load(context, certificate, key)
        return context

    def _certificates(self) -> tuple[bytes, bytes, bytes]:
        """The certificate authority, the client's certificate and its key, in PEM; empty if not set."""
        cluster, user = self.resolved.cluster, self.resolved.user
        authority = _pem(cluster.certificate_authority_data, cluster.certificate_authority)
        certificate = _pem(user.client_certificate_data, user.client_certificate)
        key = _pem(user.client_key_data, user.client_key)
        if not certificate and self._credential is not None:
            certificate, key = self._credential.certificate.encode(), self._credential.key.encode()
        return authority, certificate, key

    def check(self) -> None:
        """Reads every file and builds the TLS settings and headers, without connecting and without logging in.

        Raises:
            KubeconfigError: part of the kubeconfig cannot be used.
        """
        if self.is_encrypted:
            self.ssl_context()
        _ = self.proxy

    def _authorization(self) -> Iterator[Header]:
        user = self.resolved.user
        if not self.is_encrypted:
            return
        token = self._token_of_file() or user.token or (self._credential.token if self._credential else "")
        if token:
            yield "Authorization", f"Bearer {token}"
        elif user.username or user.password:
            pair = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
            yield "Authorization", f"Basic {pair}"

    def _token_of_file(self) -> str:
        """The token in the file, which has precedence. It is read for each connection, as others renew it."""
        user = self.resolved.user
        if not user.token_file:
            return ""
        try:
            token = Path(user.token_file).read_text().strip()
        except (OSError, ValueError) as error:  # the latter: no text, or no path
            token, problem = "", getattr(error, "strerror", None) or "no text"
        else:
            problem = "it is empty"
        if not (token or user.token):
            raise LoginError(
                f"{self.resolved.described}: the token of user {self.resolved.user_name!r} cannot be read from "
                f"{user.token_file}: {problem}. Renew it, and run this again."
            )
        return token

    def _impersonation(self) -> Iterator[Header]:
        user = self.resolved.user
        if user.impersonate:
            yield "Impersonate-User", user.impersonate
        if user.as_uid:
            yield "Impersonate-Uid", user.as_uid
        for group in user.as_groups:
            yield "Impersonate-Group", group
        for key, values in user.as_user_extra.items():
            for value in values:
                yield f"Impersonate-Extra-{quote(key, safe='')}", value

    @contextlib.contextmanager
    def _kubeconfig_errors(self, subject: str) -> Iterator[None]:
        try:
            yield
        except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
            reason = getattr(error, "reason", None) or "no PEM"
            raise KubeconfigError(
                f"{self.resolved.described}: {subject} cannot be used ({reason}). Fetch the kubeconfig again."
            ) from None


def _ended(credential: Credential) -> bool:
    return credential.ends is not None and datetime.now(UTC) + EXPIRY_MARGIN >= credential.ends


def _pem(data: str, path: str) -> bytes:
    """The PEM data of a field of a kubeconfig, or of the file that it names."""
    if data:
        return base64.b64decode(data)
    if not path:
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise LoginError(f"{path} can no longer be read: {error.strerror}.") from None


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Loads a certificate and its key through a temporary file, because Python reads them from files only."""
    with tempfile.NamedTemporaryFile(prefix="switchyard-") as file:  # mode 0600
        file.write(certificate.rstrip() + b"\n" + key)
        file.flush()
        # An encrypted key would ask at the terminal.
        context.load_cert_chain(file.name, password=lambda: b"")
