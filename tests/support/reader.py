"""Reads from an API server in this process, because a kubectl for each read takes 0.1 CPU-seconds."""

import base64
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import yaml


@dataclass(frozen=True)
class Kind:
    """A kind of object, and its path on the API server."""

    name: str
    version: str = "v1"
    plural: str = ""
    namespaced: bool = True

    def path(self, namespace: str) -> str:
        root = f"/apis/{self.version}" if "/" in self.version else f"/api/{self.version}"
        place = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}{place}/{self.plural or self.name.lower() + 's'}"


KINDS = (
    Kind("Pod"),
    Kind("Service"),
    Kind("ServiceAccount"),
    Kind("ConfigMap"),
    Kind("Event"),
    Kind("Node", namespaced=False),
    Kind("Namespace", namespaced=False),
    Kind("Deployment", "apps/v1"),
    Kind("PodDisruptionBudget", "policy/v1"),
    Kind("Ingress", "networking.k8s.io/v1", "ingresses"),
    Kind("EndpointSlice", "discovery.k8s.io/v1"),
)
KINDS_BY_NAME = {word: kind for kind in KINDS for word in (kind.name.lower(), kind.path("").rpartition("/")[2])}


class Reader:
    """A client of one API server for the most frequent reads of tests. kubectl is used for the others."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    def read(self, namespace: str, arguments: Sequence[str]) -> Any:
        """What ``kubectl get`` has for the same arguments; None for those that it must answer, an error among them."""
        words, name, selector = arguments[0].split(","), "", {}
        match list(arguments[1:]):
            case []:
                pass
            case ["-l", labels]:
                selector = {"labelSelector": labels}
            case [word] if not word.startswith("-") and len(words) == 1:
                name = f"/{word}"
            case _:
                return None
        if not set(words) <= set(KINDS_BY_NAME) or self._client is None:
            return None
        try:
            answers = [self._ask(KINDS_BY_NAME[word], namespace, name, selector) for word in words]
        except (httpx.HTTPError, OSError):
            return None
        return answers[0][0] if name else [item for items in answers for item in items]

    def _ask(self, kind: Kind, namespace: str, name: str, selector: dict[str, str]) -> list[dict[str, Any]]:
        assert self._client is not None
        response = self._client.get(kind.path(namespace) + name, params=selector).raise_for_status().json()
        items: list[dict[str, Any]] = [response] if name else response["items"]
        for item in items:
            item["metadata"].pop("managedFields", None)
        # The items of a list do not say what they are.
        return [{"apiVersion": kind.version, "kind": kind.name} | item for item in items]

    @cached_property
    def _client(self) -> httpx.Client | None:
        """None for a kubeconfig of several clusters, or without certificates of its own."""
        config = yaml.safe_load(self._kubeconfig.read_text())
        if len(config["clusters"]) != 1 or len(config["users"]) != 1:
            return None
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        try:
            authority, *pair = (
                base64.b64decode(entry[f"{key}-data"])
                for entry, key in (
                    (cluster, "certificate-authority"),
                    (user, "client-certificate"),
                    (user, "client-key"),
                )
            )
        except KeyError:
            return None
        context = ssl.create_default_context(cadata=authority.decode())
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"\n".join(pair))
            file.flush()
            context.load_cert_chain(file.name)
        return httpx.Client(base_url=cluster["server"], verify=context, timeout=5, trust_env=False)
