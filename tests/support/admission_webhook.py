"""Admission webhooks, served on this machine; one rewrites images as a registry mirror does."""

import base64
import copy
import datetime
import functools
import ipaddress
import json
import operator
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.kubectl import SECONDS, Kubectl

MIRROR = "mirror.example.org/"

Change = Callable[[dict[str, Any]], None]


def mirrored(pod_spec: dict[str, Any]) -> None:
    """Rewrites every image to the mirror, unless it is there already."""
    for container in pod_spec["containers"]:
        if not container["image"].startswith(MIRROR):
            container["image"] = MIRROR + container["image"]


class AdmissionWebhook:
    """An admission webhook in the namespace of a test; each class says which one.

    Args:
        kubectl: the cluster, and the namespace.
        directory: directory for the certificate of the webhook.

    Attributes:
        asked: number of times that the API server has called it.
    """

    KIND: ClassVar[str]
    """``MutatingWebhookConfiguration`` or ``ValidatingWebhookConfiguration``."""

    TIMEOUT_SECONDS: ClassVar[int] = 5
    """Seconds after which the API server refuses a write that the webhook has not answered."""

    RESOURCES: ClassVar[dict[str, tuple[str, tuple[str, ...]]]] = {
        "deployments": ("apps", ("create", "deployment", "probe", "--image=probe")),
        "pods": ("", ("run", "probe", "--image=probe")),
        "services": ("", ("create", "service", "clusterip", "probe", "--tcp=80")),
    }
    """Group of each resource, and the kubectl command that creates one."""

    def __init__(self, kubectl: Kubectl, directory: Path, *resources: str) -> None:
        self._kubectl, self._resources = kubectl, resources
        self._name = f"{kubectl.namespace}-{resources[0]}.example.org"
        self.asked = 0
        self._files = certificate(directory)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._files)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.01))

    def __enter__(self) -> Self:
        self._thread.start()
        self._kubectl.apply(self._configuration())
        self._expect(in_force=True)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.remove()
        self.stop()

    def remove(self) -> None:
        """Removes the webhook's configuration, so that the API server no longer calls it."""
        self._kubectl.run("delete", self.KIND, self._name, "--ignore-not-found")
        self._expect(in_force=False)

    def stop(self) -> None:
        """Ends the server. While its configuration exists, every write to which it applies fails."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def _expect(self, *, in_force: bool) -> None:
        """Polls until the API server calls the webhook, or no longer does, because this cannot be watched."""
        end = time.monotonic() + SECONDS
        while self._is_in_force() is not in_force:
            assert time.monotonic() < end, f"the webhook is {'not ' if in_force else ''}called after {SECONDS} s"

    def _is_in_force(self) -> bool:
        """Whether the API server calls it for a dry run."""
        before = self.asked
        command = self._kubectl.command(*self.RESOURCES[self._resources[0]][1], "--dry-run=server")
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return self.asked > before or "failed calling webhook" in result.stderr

    def _configuration(self) -> dict[str, Any]:
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": self.KIND,
            "metadata": {"name": self._name},
            "webhooks": [
                {
                    "name": self._name,
                    "clientConfig": {
                        "url": f"https://127.0.0.1:{self._server.server_port}/",
                        "caBundle": base64.b64encode(self._files[0].read_bytes()).decode(),
                    },
                    "rules": [
                        {
                            "apiGroups": [self.RESOURCES[resource][0]],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE", "UPDATE"],
                            "resources": [resource],
                        }
                        for resource in self._resources
                    ],
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._kubectl.namespace}},
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "timeoutSeconds": self.TIMEOUT_SECONDS,
                }
            ],
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["content-length"])))
                webhook.asked += 1
                response = {"uid": review["request"]["uid"], **webhook.answer(review["request"])}
                answer = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The response to a request about an object, without its ``uid``."""
        raise NotImplementedError


class RewritingWebhook(AdmissionWebhook):
    """A mutating webhook that changes the specification of the pods.

    Args:
        kubectl: the cluster, and the namespace.
        directory: directory for the certificate of the webhook.
        resource: ``deployments`` or ``pods``.
        change: what it does to the specification of the pods.
    """

    KIND = "MutatingWebhookConfiguration"

    def __init__(self, kubectl: Kubectl, directory: Path, resource: str, change: Change = mirrored) -> None:
        super().__init__(kubectl, directory, resource)
        self._path = ("spec", "template", "spec") if resource == "deployments" else ("spec",)
        self._change = change

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Allows every request, and changes the objects of its resource."""
        spec = copy.deepcopy(functools.reduce(operator.getitem, self._path, request["object"]))
        self._change(spec)
        patch = json.dumps([{"op": "replace", "path": f"/{'/'.join(self._path)}", "value": spec}]).encode()
        return {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(patch).decode()}


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = directory / "webhook.crt", directory / "webhook.key"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
