"""The events of the fake load balancer controller about Ingresses, as the real one writes them."""

from datetime import UTC, datetime

from switchyard.config.kubernetes import NETWORKING
from switchyard.manifests.pods import Manifest

RECONCILED = "SuccessfullyReconciled: Successfully reconciled"
FAILED_BUILD = "FailedBuildModel: Failed build model due to {}"
FAILED_DEPLOY = "FailedDeployModel: Failed deploy model due to {}"
"""Reason and message of the controller's events."""


def event_of(ingress: Manifest, word: str, number: int) -> Manifest:
    """An event of an Ingress: one object for each reason, whose count rises when it is repeated.

    Args:
        ingress: the Ingress.
        word: reason and message.
        number: changes with each event, as the count of the real controller does.
    """
    namespace, name = ingress["metadata"]["namespace"], ingress["metadata"]["name"]
    reason, _, message = word.partition(": ")
    about = {"apiVersion": NETWORKING, "kind": "Ingress", "namespace": namespace, "name": name}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason.lower()}", "namespace": namespace},
        "involvedObject": about | {"uid": ingress["metadata"]["uid"]},
        "type": "Normal" if word == RECONCILED else "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": "ingress"},
        "lastTimestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "count": number,
    }
