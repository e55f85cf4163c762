"""The message with which a command ends after an error."""

from switchyard.cli.failures import message_of
from switchyard.errors import ApiStatusError, RejectedError, UnreachableError


def test_a_write_that_is_rejected_is_not_said_to_be_a_failed_reading() -> None:
    assert message_of(RejectedError("the API server does not take services/backend: not today")) == (
        "The API server does not take services/backend: not today (SY-K006). Correct what it says."
    )
    assert message_of(ApiStatusError("patch", "services/backend", 409, "changed")).startswith("The API server answered")
    assert message_of(UnreachableError("no answer")).startswith("The cluster does not answer: no answer (")
