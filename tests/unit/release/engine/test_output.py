"""What a failed command of the engine says: the program's own messages first, and no progress."""

import json

from switchyard.release.engine.output import reason

UPDATE = """Updating (test):

 ~  kubernetes:apps/v1:Deployment backend-green updating (0s) [diff: ~spec]
@ updating....
 ~  kubernetes:apps/v1:Deployment backend-green **updating failed** [diff: ~spec]; error: 2 errors occurred:
    pulumi:pulumi:Stack switchyard-test **failed** 1 error
Diagnostics:
  kubernetes:apps/v1:Deployment (backend-green):
    error: 2 errors occurred:
    \t* 'backend-green' timed out waiting to be Ready
    \t* Minimum number of live Pods was not attained

  pulumi:pulumi:Stack (switchyard-test):
    error: Resource monitor has terminated, shutting down
    error: update failed

  switchyard:service:BlueGreenService (backend):
    warning: backend: pods of green: 0 of 3 ready of v2 (SY-S013). blue continues to serve.
    warning: something else

Outputs:
  - services: {}

Resources:
    20 unchanged
"""


def test_a_failed_update_says_what_the_program_says_and_then_the_engine() -> None:
    assert reason(UPDATE, "") == (
        "backend: pods of green: 0 of 3 ready of v2 (SY-S013). blue continues to serve.\n"
        "2 errors occurred: * 'backend-green' timed out waiting to be Ready "
        "* Minimum number of live Pods was not attained"
    )


def test_a_warning_on_standard_error_does_not_hide_the_cause() -> None:
    assert "(SY-S013)" in reason(UPDATE, "warning: a new version of Pulumi is available")


def test_a_refusal_is_said_once() -> None:
    refused = "    error: Preview failed: before hook failed: backend: the switch is refused (SY-P005)\n"
    output = f"Diagnostics:\n  kubernetes:core/v1:Service (backend):\n{refused}{refused}    error: preview failed\n"
    assert reason(output, "") == refused.strip().removeprefix("error: ")


def test_a_preview_as_a_document_has_its_errors_alone() -> None:
    messages = [("error", "SY-C002 wrong\n"), ("warning", "old"), ("error", "an unhandled error occurred: x")]
    document = {"diagnostics": [{"severity": severity, "message": message} for severity, message in messages]}
    assert reason(json.dumps(document), "") == "SY-C002 wrong"


def test_a_preview_that_fails_has_its_reason_alone() -> None:
    refused = "error: Preview failed: before hook failed: backend: the change is refused (SY-S004)"
    assert reason("", f"{refused}\nerror: preview failed\n") == refused.removeprefix("error: ")
    assert reason("", "error: preview failed\n") == "preview failed"
