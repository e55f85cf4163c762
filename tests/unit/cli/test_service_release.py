"""Who aborts a release, and why, as the record has it."""

import pytest

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.service_release import aborter
from switchyard.release.plan import Act
from switchyard.release.record.lease_holder import Holder


@pytest.mark.parametrize(("reason", "ending"), [("500s on /pay", ": 500s on /pay"), (None, "")])
def test_the_record_of_an_abort_has_who_and_the_reason(reason: str | None, ending: str) -> None:
    holder = Holder("")
    assert aborter(DeployRequest(Act.ABORT, "backend", reason=reason)) == f"{holder.user} on {holder.host}{ending}"
