"""What the fake load balancer controller says of Ingresses: the events of the real one."""

from datetime import UTC, datetime

from switchyard.config.kubernetes import NETWORKING
from switchyard.manifests.pods import Manifest

RECONCILED = "SuccessfullyReconciled: Successfully reconciled"
FAILED_BUILD = "FailedBuildModel: Failed build model due to {}"
FAILED_DEPLOY = "FailedDeployModel: Failed deploy model due to {}"
"""Reason and message of the controller's events."""


def event_of(ingress: Manifest, word: str, number: int) -> Manifest:
    """An event of an Ingress: one object for each reason, counted up when it is said again.

    Args:
        ingress: the Ingress.
        word: reason and message.
        number: makes the object another one each time, as the real one's count does.
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
