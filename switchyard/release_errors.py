"""Errors of releases by the commands, a branch of the tree in `switchyard.errors`."""

from switchyard.codes import Code
from switchyard.errors import SwitchyardError


class ReleaseError(SwitchyardError):
    """A release cannot go on, or its record cannot be read. The text says what serves, or that nothing was changed."""

    code = Code.RECORD_UNREADABLE


class LeaseHeldError(ReleaseError):
    """Another command releases the service. The text names its user, host, phase and age.

    Args:
        text: for people.
        holder: the other command in words.
        stage: the other command and its phase, which change when there is something new to say.
    """

    code = Code.RELEASE_IN_PROGRESS

    def __init__(self, text: str, holder: str = "", stage: str = "") -> None:
        super().__init__(text)
        self.holder = holder
        self.stage = stage


class LeaseLostError(ReleaseError):
    """Another command has taken the Lease, because this one could not renew it in time."""

    code = Code.RELEASE_LEASE_LOST


class DrillNotBackError(ReleaseError):
    """A drill has sent users to the other version, and the rollback is not done. The text says how to go back."""

    code = Code.DRILL_NOT_BACK


class RollbackUnrecordedError(ReleaseError):
    """The record does not have what became of the rollback of a release. The text says what serves."""

    code = Code.ROLLBACK_UNRECORDED


class TransitionError(ReleaseError):
    """An event that does not fit the state of a release. The text says what would fit."""

    code = Code.ACT_DOES_NOT_FIT


class TogetherUndoneError(ReleaseError):
    """One of several selectors could not be changed, and those before it were changed back. It says what serves."""

    code = Code.TOGETHER_UNDONE


class TogetherSplitError(ReleaseError):
    """One of several selectors could not be changed, nor all of those before it back. The text has what may serve."""

    code = Code.TOGETHER_SPLIT


class ForeignRecordError(ReleaseError):
    """A ConfigMap or a Lease of the record's name is not of this program."""

    code = Code.RECORD_OF_ANOTHER_OWNER


class RecordUnreadableError(ReleaseError):
    """The record of releases is of a newer version of this program, or somebody has broken it."""

    code = Code.RECORD_UNREADABLE


class WebhookUrlError(ReleaseError):
    """A key of a Secret has no URL of a webhook. The text does not have the value."""

    code = Code.WEBHOOK_UNUSABLE
