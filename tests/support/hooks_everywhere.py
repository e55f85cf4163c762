"""Hooks at every point of a release, for tests of what runs them."""

from switchyard.config.models.hooks import Hook, HookHttp, HookJob, Hooks, OnFailure

CALL = HookHttp(url="https://ci.example.org")
EVERYWHERE = Hooks(
    before_warm=(
        Hook(name="expand", job=HookJob()),
        Hook(name="tell", http=CALL, on_failure=OnFailure.CONTINUE),
    ),
    before_switch=(Hook(name="load", job=HookJob()),),
    after_switch=(Hook(name="purge", http=CALL),),
    before_retire=(Hook(name="contract", job=HookJob(), irreversible=True), Hook(name="done", http=CALL)),
    on_rollback=(Hook(name="alert", http=CALL),),
)
"""Hooks at every point, of both kinds."""
