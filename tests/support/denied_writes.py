"""A cluster that denies some writes, by a ValidatingAdmissionPolicy."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.kubectl import Kubectl

VERSION = "admissionregistration.k8s.io/v1"
MESSAGE = "no such write today"
SECONDS = 60.0
"""Seconds within which a created or deleted policy must have its effect."""


@contextmanager
def switch_denied(kubectl: Kubectl, service: str, colour: str) -> Iterator[None]:
    """Has the API server deny within the block that a Service selects a colour, and permit it again afterwards."""
    rule = f"object.metadata.name != '{service}' || object.spec.selector.version != '{colour}'"
    patch = json.dumps({"spec": {"selector": {"version": colour}}})
    with _denied(kubectl, "services", rule, ["patch", "service", service, "-p", patch]):
        yield


@contextmanager
def record_denied(kubectl: Kubectl, service: str) -> Iterator[None]:
    """Has the API server deny changes of the record of a service within the block, and permit them afterwards."""
    record = f"{service}-release"
    rule = f"object.metadata.name != '{record}'"
    with _denied(kubectl, "configmaps", rule, ["annotate", "configmap", record, "a=b"]):
        yield


@contextmanager
def _denied(kubectl: Kubectl, resource: str, rule: str, write: list[str]) -> Iterator[None]:
    name = f"deny-{resource}-{kubectl.namespace}"
    resources = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": [resource]}
    in_namespace = {"matchLabels": {"kubernetes.io/metadata.name": kubectl.namespace}}
    policy = {
        "matchConstraints": {"resourceRules": [resources], "namespaceSelector": in_namespace},
        "validations": [{"expression": rule, "message": MESSAGE}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    kubectl.apply(_object("ValidatingAdmissionPolicy", name, policy))
    kubectl.apply(_object("ValidatingAdmissionPolicyBinding", name, binding))
    try:
        _await(kubectl, write, denied=True)
        yield
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            kubectl.run("delete", kind, name)
        _await(kubectl, write, denied=False)


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _await(kubectl: Kubectl, write: list[str], *, denied: bool) -> None:
    """Polls by a write without a change until the policy has its effect, because this cannot be watched."""
    end = time.monotonic() + SECONDS
    while True:
        command = kubectl.command(*write, "--dry-run=server")
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if (MESSAGE in result.stderr) is denied:
            return
        assert time.monotonic() < end, result.stdout + result.stderr
