"""The message with which a command ends after an error."""

import pytest

from switchyard.cli.failures import message_of
from switchyard.errors import ApiStatusError, RejectedError, UnreachableError
from tests.support.api_server import FakeApiServer, server

__all__ = ["server"]


def test_a_write_that_is_rejected_is_not_said_to_be_a_failed_reading() -> None:
    assert message_of(RejectedError("the API server does not take services/backend: not today")) == (
        "The API server does not take services/backend: not today (SY-K006). Correct what it says."
    )
    assert message_of(ApiStatusError("patch", "services/backend", 409, "changed")).startswith("The API server answered")
    assert message_of(UnreachableError("no answer")).startswith("The cluster does not answer: no answer (")


def test_only_the_message_of_a_connection_that_could_not_be_opened_says_that_nothing_was_changed() -> None:
    later, first = UnreachableError("no answer"), UnreachableError("no answer")
    first.is_of_first_call = True
    remedy = "Check the API server and the kubeconfig."
    assert message_of(later) == f"The cluster does not answer: no answer (SY-K004). {remedy}"
    assert message_of(first) == f"The cluster does not answer: no answer (SY-K004). Nothing was changed. {remedy}"


def test_a_command_whose_first_call_fails_has_changed_nothing(server: FakeApiServer) -> None:
    with pytest.raises(ApiStatusError) as later:
        server.run(lambda cluster: cluster.api.ask("get", "services", "backend", "default"))
    assert "Nothing was changed" not in message_of(later.value)

    server.answers["GET", "/version/"] = (503, {"kind": "Status", "message": "starting"})
    with pytest.raises(ApiStatusError) as first:
        server.run(lambda cluster: cluster.api.version())
    assert "(SY-K007). Nothing was changed. " in message_of(first.value)
