"""A cluster that denies the switch of one Service, by a ValidatingAdmissionPolicy."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.kubectl import Kubectl

VERSION = "admissionregistration.k8s.io/v1"
MESSAGE = "no switch of this service today"
SECONDS = 60.0
"""How long the API server may take until a policy that was created or deleted has its effect."""


@contextmanager
def switch_denied(kubectl: Kubectl, service: str, colour: str) -> Iterator[None]:
    """Has the API server deny within the block that a Service selects a colour, and permit it again afterwards."""
    name = f"deny-{kubectl.namespace}"
    rule = f"object.metadata.name != '{service}' || object.spec.selector.version != '{colour}'"
    resources = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["services"]}
    in_namespace = {"matchLabels": {"kubernetes.io/metadata.name": kubectl.namespace}}
    policy = {
        "matchConstraints": {"resourceRules": [resources], "namespaceSelector": in_namespace},
        "validations": [{"expression": rule, "message": MESSAGE}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    kubectl.apply(_object("ValidatingAdmissionPolicy", name, policy))
    kubectl.apply(_object("ValidatingAdmissionPolicyBinding", name, binding))
    try:
        _await(kubectl, service, colour, denied=True)
        yield
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            kubectl.run("delete", kind, name)
        _await(kubectl, service, colour, denied=False)


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _await(kubectl: Kubectl, service: str, colour: str, *, denied: bool) -> None:
    """Waits until the policy has its effect, which nothing can be watched for: by a patch that changes nothing."""
    patch = json.dumps({"spec": {"selector": {"version": colour}}})
    command = ["patch", "service", service, "--dry-run=server", "-p", patch]
    end = time.monotonic() + SECONDS
    while True:
        result = subprocess.run(kubectl.command(*command), capture_output=True, text=True, check=False)
        if (MESSAGE in result.stderr) is denied:
            return
        assert time.monotonic() < end, result.stdout + result.stderr
