"""A webhook that keeps the record or the Lease of a release from being written, on a real API server."""

import asyncio
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import ApiStatusError, ClusterError, GateRefusedError, RejectedError
from switchyard.kube.access import ClusterAccess
from switchyard.release.plan import Act, Plan
from switchyard.release.record.store import ReleaseStore
from switchyard.release.switch.journal import LeasedSwitchJournal
from switchyard.release.switch.record_refusals import refuse_unrecorded
from tests.support.admission_webhook import AdmissionWebhook
from tests.support.kubectl import Kubectl
from tests.support.observed import observed
from tests.support.release_records import record

BACK = Plan(Act.ROLLBACK, observed(Colour.GREEN), Colour.BLUE)


class RecordWebhook(AdmissionWebhook):
    """A validating webhook that denies writes with a status of its own, or gives no answer.

    Attributes:
        status: status of the denial; None permits everything.
        answers: is set while the webhook answers at once.
    """

    KIND = "ValidatingWebhookConfiguration"
    TIMEOUT_SECONDS = 2
    RESOURCES: ClassVar = {
        "configmaps": ("", ("create", "configmap", "probe")),
        "leases": ("coordination.k8s.io", ()),
    }

    def __init__(self, kubectl: Kubectl, directory: Path) -> None:
        super().__init__(kubectl, directory, "configmaps", "leases")
        self.status: int | None = None
        self.answers = threading.Event()
        self.answers.set()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - every write is treated alike
        """Permits or denies the write, once it is to answer."""
        self.answers.wait()
        if self.status is None:
            return {"allowed": True}
        return {"allowed": False, "status": {"code": self.status, "message": "not today"}}


def write(kubectl: Kubectl) -> ClusterError | None:
    """Writes the record of a service. Returns the error; None if it is written."""

    async def written() -> None:
        api = await ClusterAccess(str(kubectl.kubeconfig)).api()
        await ReleaseStore(api, kubectl.namespace, "backend").update(lambda releases: releases.writing(record()))

    try:
        asyncio.run(written())
    except ClusterError as error:
        return error
    return None


def hold(kubectl: Kubectl) -> None:
    """Takes the Lease for a rollback."""

    async def held() -> None:
        api = await ClusterAccess(str(kubectl.kubeconfig)).api()
        async with LeasedSwitchJournal(api, kubectl.namespace, "backend", print).held(BACK):
            pass

    asyncio.run(held())


def test_whatever_a_webhook_does_to_a_record_is_refused_with_the_way_by_hand(
    kubectl: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RecordWebhook(kubectl, tmp_path) as webhook:
        errors: dict[str, ClusterError | None] = {}
        for status in (None, 400, 403, 422, 503, 504):
            webhook.status = status
            errors[f"denied with {status}"] = write(kubectl)
        with pytest.raises(GateRefusedError, match=r"\(SY-P171\).* create leases .*kubectl -n default patch"):
            hold(kubectl)
        webhook.answers.clear()
        errors["no answer"] = write(kubectl)
        monkeypatch.setattr("switchyard.kube.api.WRITE_SECONDS", 1)
        errors["no answer in the time of the write"] = write(kubectl)
        webhook.answers.set()
        webhook.stop()
        errors["unreachable"] = write(kubectl)

    assert errors.pop("denied with None") is None
    statuses = {
        name: error.status_code if isinstance(error, ApiStatusError) else type(error) for name, error in errors.items()
    }
    assert statuses == {
        "denied with 400": RejectedError,
        "denied with 403": RejectedError,
        "denied with 422": RejectedError,
        "denied with 503": 503,
        "denied with 504": 504,
        "no answer": 500,
        "no answer in the time of the write": 504,
        "unreachable": 500,
    }
    for name, error in errors.items():
        assert isinstance(error, RejectedError | ApiStatusError)
        assert "kubectl -n default patch service backend" in str(refuse_unrecorded(BACK, error)), name
    assert write(kubectl) is None
    hold(kubectl)
