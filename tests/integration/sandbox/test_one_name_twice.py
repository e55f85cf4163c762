"""Two services of one Kubernetes name in two namespaces: each is released, shown and removed by itself."""

import json
import subprocess
import sys
from typing import Any

from devtools.engine import NAME, Stack
from tests.support.history import History
from tests.support.kubectl import Kubectl

OBJECTS = "deployments,services,serviceaccounts,poddisruptionbudgets"


def listed(stack: Stack) -> dict[str, dict[str, Any]]:
    """Returns the report of `status` on each service, by its key."""
    result = subprocess.run(
        [sys.executable, "-m", "switchyard", "status", "--stack", NAME, "--json"],
        cwd=stack.directory,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return {service["key"]: service for service in json.loads(result.stdout)["services"]}


def objects(kubectl: Kubectl, namespace: str) -> set[str]:
    """The objects of service `backend` in a namespace."""
    items = json.loads(kubectl.run("get", OBJECTS, "-n", namespace, "-l", "app=backend", "-o", "json"))["items"]
    return {f"{item['kind']}/{item['metadata']['name']}" for item in items}


def test_one_service_name_in_two_namespaces(serving: Stack, kubectl: Kubectl) -> None:
    shop = f"{kubectl.namespace}-shop"
    kubectl.run("create", "namespace", shop)
    first = objects(kubectl, kubectl.namespace)
    entry = {**serving.snapshot()["config"]["switchyard:services"]["backend"], "name": "backend", "namespace": shop}
    entry.pop("nodePort", None)
    entry["green"] = {"tag": "v2.0.0", "replicas": 3}
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        serving.set("services.backend-shop", entry)
        result = serving.up()
        assert result.ok, result.output
        assert objects(kubectl, shop) == objects(kubectl, kubectl.namespace) == first

        serving.set("services.backend-shop.active", "green")
        result = serving.up()
        assert result.ok, result.output
        told = listed(serving)
        assert {key: (status["namespace"], status["name"], status["serving"]) for key, status in told.items()} == {
            "backend": (kubectl.namespace, "backend", "blue"),
            "backend-shop": (shop, "backend", "green"),
        }
        assert serving.planned() == {}

        serving.set("services.backend-shop.name", "shop-backend")
        result = serving.preview()
        assert not result.ok
        assert f"it serves as backend in namespace {shop}" in result.output
        assert "'switchyard:services.backend-shop.name' backend" in result.output
        serving.set("services.backend-shop", None)
        result = serving.preview()
        assert not result.ok
        assert "pulumi config set --path 'switchyard:services.backend-shop.remove' true" in result.output

        serving.set("services.backend-shop", {"remove": True, "name": "backend", "namespace": shop})
        result = serving.up()
        assert result.ok, result.output
        assert objects(kubectl, shop) == set()
        assert serving.planned() == {}
    assert objects(kubectl, kubectl.namespace) == first
    assert history.colours("backend") == ["blue"]
    assert history.fewest_ready("backend") == 3
