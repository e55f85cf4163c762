"""States that an earlier version of this program wrote, as `pulumi stack export` gave them.

`tests/data/states` has one of stack `local` on the sandbox and one of a rehearsed `production`, both of commit 061140c:
the last before the packages moved, and before a stack had an identity. Positions in the source are left out.
"""

import gzip
import json
from pathlib import Path
from typing import Any

from devtools.engine import Stack
from tests.support.kubectl import Kubectl

STATES = Path(__file__).parents[1] / "data" / "states"

NEW_RESOURCES = {
    "pulumi:index:Stash::stack-identity",
    "switchyard:stack:DestroySentinel::destroy-sentinel",
}
"""Resources that were added to every stack since then, and exist in the state only, by the ends of their URNs."""

MARKS = {"switchyard/project", "switchyard/stack", "switchyard/stack-identity"}
"""Ownership annotations that were added to every object since then."""

POD_MARK = "switchyard/configured-pods"
"""Annotation that was added to every Deployment since then: a hash of the configured pods."""


def earlier_state(stack: str, **texts: str) -> dict[str, Any]:
    """Returns the exported state of a stack.

    Args:
        stack: the name of the stack.
        texts: replacement of each placeholder by its name, for example ``charts`` for ``@charts@``.
    """
    text = gzip.decompress((STATES / f"{stack}.json.gz").read_bytes()).decode()
    for name, value in texts.items():
        text = text.replace(f"@{name}@", value)
    exported: dict[str, Any] = json.loads(text)
    return exported


def resources(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the resources of an exported state."""
    recorded: list[dict[str, Any]] = state["deployment"]["resources"]
    return recorded


def expected_changes(resource: dict[str, Any]) -> dict[str, str]:
    """Returns what the current program changes in a resource of an earlier version: kind of change by property.

    The mark of a node is not part of its patch; nor is that of a release of Helm, which the engine does not write.
    """
    kind, name = resource["type"], resource["urn"].rpartition("::")[2]
    if kind == "tls:index/selfSignedCert:SelfSignedCert":
        # Certificate authorities are never renewed by an update any more; the certificate itself stays.
        return {"earlyRenewalHours": "update"}
    if not kind.startswith("kubernetes:") or kind.endswith((":NodePatch", ":Release")):
        return {}
    changes = {f"metadata.annotations.{mark}": "add" for mark in MARKS}
    if kind.endswith(":Deployment"):
        changes[f"metadata.annotations.{POD_MARK}"] = "add"
    if kind.endswith(":Ingress") and not name.endswith(".group"):
        # The program itself waits for the controller now, and has the controller's reason when it fails.
        changes['metadata.annotations["pulumi.com/skipAwait"]'] = "add"
        # A change of the target group's health check, in place.
        changes['metadata.annotations["alb.ingress.kubernetes.io/success-codes"]'] = "update"
    return changes


def import_state(stack: Stack, state: dict[str, Any]) -> None:
    """Replaces the state of a stack, as an engineer does by `pulumi stack import`."""
    file = stack.directory / "earlier.json"
    file.write_text(json.dumps(state))
    stack.run("stack", "import", "--file", str(file), check=True)


def steps(stack: Stack) -> dict[str, dict[str, Any]]:
    """Returns the steps of a preview by URN, those that change nothing included."""
    previewed = json.loads(stack.run("preview", "--json", check=True).output)["steps"]
    return {step["urn"]: step for step in previewed}


def create_objects(kubectl: Kubectl, state: dict[str, Any]) -> None:
    """Creates the Kubernetes objects of a state, and writes their UIDs to the state."""
    objects = [
        resource
        for resource in resources(state)
        if resource["type"].startswith("kubernetes:") and not resource["type"].endswith(":Release")
    ]
    manifests = "\n---\n".join(json.dumps(resource["inputs"]) for resource in objects)
    applied = kubectl.run(
        "apply",
        "--server-side",
        "--field-manager=switchyard",
        "--force-conflicts",
        "-o",
        "json",
        "-f",
        "-",
        stdin=manifests,
    )
    live = json.loads(applied)["items"]
    for resource, now in zip(objects, live, strict=True):
        resource["outputs"]["metadata"]["uid"] = now["metadata"]["uid"]


def expect_known_changes_alone(state: dict[str, Any], planned: dict[str, dict[str, Any]]) -> None:
    """Asserts that a preview over a state creates `NEW_RESOURCES`, makes `expected_changes`, and nothing else."""
    kept = {resource["urn"] for resource in resources(state)}
    assert {urn.split("::", 2)[2]: planned[urn]["op"] for urn in planned.keys() - kept} == dict.fromkeys(
        NEW_RESOURCES, "create"
    )
    unexpected = {}
    for resource in resources(state):
        step = planned.get(resource["urn"], {"op": "same"})
        expected = expected_changes(resource)
        changes = {path: change["kind"] for path, change in (step.get("detailedDiff") or {}).items()}
        if step["op"] != ("update" if expected else "same") or changes != expected:
            unexpected[resource["urn"].split("::", 2)[2]] = (step["op"], changes)
    assert not unexpected, unexpected
