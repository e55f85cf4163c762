"""Kubeconfigs as they come, unusual and malformed, with what must become of each, and servers that say who asked."""

import base64
import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

REFUSED = "refused"
SERVER_NAME = "kubernetes.test"
"""The one name in the certificate of server C, which is reached by another."""


@dataclass(frozen=True)
class Case:
    """One situation.

    Attributes:
        name: name of the test.
        files: content by path, below a directory of the test; `@WORD@` is filled in.
        expected: `<server>: <who>`, or `REFUSED`.
        message: part of the refusal.
        setting: path in the settings.
        variable: KUBECONFIG, with `@DIR@` for the directory.
        context: context in the settings.
        kubectl: what kubectl ends in where that differs, None for the same.
    """

    name: str
    files: Mapping[str, str | bytes]
    expected: str
    message: str = ""
    setting: str | None = None
    variable: str | None = None
    context: str | None = None
    kubectl: str | None = None


@dataclass
class FakeServers:
    """API servers of one certificate authority, what was asked of them, and who is refused by each (401)."""

    words: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    stops: list[Any] = field(default_factory=list)

    def fill(self, text: str | bytes, directory: Path) -> bytes:
        """A file's content with every word in its place."""
        content = text if isinstance(text, bytes) else text.encode()
        for word, value in {**self.words, "DIR": str(directory)}.items():
            content = content.replace(f"@{word}@".encode(), value.encode())
        return content

    def write(self, case: Case, directory: Path) -> None:
        """Writes the files of a case."""
        for name, text in case.files.items():
            path = directory / name
            if name.endswith("/"):
                path.mkdir(parents=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.fill(text, directory))
            path.chmod(0o700)

    def stop(self) -> None:
        """Ends the servers."""
        for stop in self.stops:
            stop()


def start_servers(directory: Path) -> FakeServers:
    """Starts servers A and B, C with a certificate of another name, and P without encryption."""
    servers = FakeServers()
    authority, authority_key = _certificate("authority", None)
    pem = authority.public_bytes(Encoding.PEM)
    (directory / "authority.crt").write_bytes(pem)
    client, client_key = _certificate("client-of-file", (authority, authority_key))
    other, other_key = _certificate("client-of-plugin", (authority, authority_key))
    servers.words |= {
        "CA": _data(pem),
        "CA_PEM": pem.decode(),
        "CERT": _data(client.public_bytes(Encoding.PEM)),
        "KEY": _data(_key(client_key)),
        "CERT_PEM": client.public_bytes(Encoding.PEM).decode(),
        "KEY_PEM": _key(client_key).decode(),
        "PLUGIN_CERT": json.dumps(other.public_bytes(Encoding.PEM).decode()),
        "PLUGIN_KEY": json.dumps(_key(other_key).decode()),
    }
    for name in "ABC":
        server, key = _certificate(SERVER_NAME if name == "C" else "127.0.0.1", (authority, authority_key))
        file = directory / f"{name}.pem"
        file.write_bytes(server.public_bytes(Encoding.PEM) + _key(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.load_verify_locations(directory / "authority.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        _serve(servers, name, context)
    _serve(servers, "P", None)
    return servers


def _serve(servers: FakeServers, name: str, context: ssl.SSLContext | None) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            servers.asked.append(f"{name}{self._path()}: {self._who()}")
            refused = self.headers.get("Authorization") in servers.refused
            body = json.dumps({"gitVersion": "v1.34.1", "message": "who is this"}).encode()
            self.send_response(401 if refused else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _path(self) -> str:
            return self.path.rstrip("/").removesuffix("/version")

        def _who(self) -> str:
            certificate: Any = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
            subject = "".join(value for part in (certificate or {}).get("subject", ()) for _, value in part)
            impersonated = sorted(
                f"{key.lower().removeprefix('impersonate-')}={value}"
                for key, value in self.headers.items()
                if key.lower().startswith("impersonate-")
            )
            return " ".join(filter(None, [self.headers.get("Authorization", ""), subject, *impersonated])) or "nobody"

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    if context is not None:
        http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    servers.words |= {
        name: f"{'http' if context is None else 'https'}://127.0.0.1:{http.server_port}",
        f"{name}_PORT": str(http.server_port),
    }
    thread = threading.Thread(target=lambda: http.serve_forever(poll_interval=0.01))
    thread.start()

    def stop() -> None:
        http.shutdown()
        http.server_close()
        thread.join()

    servers.stops.append(stop)


def _certificate(
    name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    address = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer[0].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
    )
    return builder.sign(key if issuer is None else issuer[1], SHA256()), key


def _key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _data(content: bytes) -> str:
    return base64.b64encode(content).decode()


def kubeconfig(
    server: str = "@A@",
    user: str = "token: one",
    *,
    cluster: str = "certificate-authority-data: @CA@",
    name: str = "it",
    current: str = "it",
) -> str:
    """A kubeconfig of one context.

    Args:
        server: server of the cluster.
        user: keys of the user, in YAML.
        cluster: further keys of the cluster, in YAML.
        name: name of the context.
        current: the current context.
    """
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster: {{server: "{server}"{", " if cluster else ""}{cluster}}}
users:
- name: kubernetes-admin
  user: {{{user}}}
contexts:
- name: {name}
  context: {{cluster: kubernetes, user: kubernetes-admin}}
current-context: {current}
"""


def plugin(script: str, *, version: str = "v1", more: str = "") -> dict[str, str]:
    """A kubeconfig whose user logs in by a shell script beside it."""
    mode = ", interactiveMode: Never" if version == "v1" else ""
    user = f"exec: {{apiVersion: client.authentication.k8s.io/{version}, command: ./login{mode}{more}}}"
    return {"config": kubeconfig(user=user), "login": f"#!/bin/sh\n{script}\n"}


def answer(status: str = '"token": "$TOKEN"', version: str = "v1") -> str:
    """A script that answers as a plugin does."""
    answered = (
        f'{{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/{version}", "status": {{{status}}}}}'
    )
    return f"TOKEN=${{TOKEN:-of-plugin}}\ncat <<END\n{answered}\nEND"
