"""A service that its load balancer switches by weights, as a command of a release reads it."""

import json
from dataclasses import replace
from typing import Any

from switchyard.config.models.service import Colour
from switchyard.gates.weighted_routing import LoadBalancerRouting
from switchyard.manifests.weights import ACTIONS, action
from switchyard.release.plan import Observation
from tests.support.observed import observed, settings

ACTION = f"{ACTIONS}backend"
ROUTING = LoadBalancerRouting("ap-northeast-2", ("backend",), 30)


def ingress(colour: Colour, version: str = "7", name: str = "backend") -> dict[str, Any]:
    """The Ingress whose weights send all requests to a colour."""
    own: dict[str, object] = {f"f:{ACTION}": {}, "f:alb.ingress.kubernetes.io/group.name": {}}
    fields = {"f:metadata": {"f:annotations": own}, "f:spec": {"f:rules": {}}}
    weighted = settings(colour.value, switchEngine="albWeights", nodePort=30080)
    backend = {"service": {"name": "backend", "port": {"name": "use-annotation"}}}
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "resourceVersion": version,
            "annotations": {
                ACTION: action("backend", weighted),
                "alb.ingress.kubernetes.io/group.name": "test",
                "of": "others",
            },
            "managedFields": [{"manager": "switchyard", "operation": "Apply", "fieldsV1": fields}],
        },
        "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]},
    }


def weighted(serving: Colour = Colour.BLUE, routed: Colour = Colour.BLUE, **more: Any) -> Observation:
    """The service as the selector and the Ingress have it."""
    plain = observed(serving, switchEngine="albWeights", nodePort=30080, **more)
    return replace(plain, routing=ROUTING, ingresses=(ingress(routed),))


def receivers(manifest: dict[str, Any]) -> list[str]:
    groups = json.loads(manifest["metadata"]["annotations"][ACTION])["forwardConfig"]["targetGroups"]
    return [group["serviceName"] for group in groups if group["weight"]]
