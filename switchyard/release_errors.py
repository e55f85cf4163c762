"""Errors of releases by the commands, a branch of the tree in `switchyard.errors`."""

from switchyard.codes import Code
from switchyard.errors import ClusterError, SwitchyardError


class ReleaseError(SwitchyardError):
    """A release cannot continue, or its record cannot be read. The text says what serves."""

    code = Code.RECORD_UNREADABLE


class WeightsNotWrittenError(ClusterError):
    """The selector was changed, and the weights of the load balancer were not. The text says what serves."""

    code = Code.WEIGHTS_NOT_WRITTEN

    @property
    def summary(self) -> str:
        """The text of the error, which says what serves and what to do."""
        return str(self)


class RecordUnusableError(ClusterError):
    """The record of a release that runs was broken or replaced by somebody else, so that its progress is not recorded.

    It is as if the API server did not accept the write: a bad version is rolled back without a record as well.
    """

    code = Code.RECORD_UNREADABLE

    @property
    def summary(self) -> str:
        """The text of the error, which names the record and what to do."""
        return str(self)


class LeaseHeldError(ReleaseError):
    """Another command releases the service. The text names its user, host, phase and age.

    Args:
        text: the message for people.
        holder: description of the other command.
        stage: the other command and its phase; a change of this value is worth a new message.
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


class ReleaseUnrecordedError(ReleaseError):
    """The record does not have the present phase or the end of a release. The text says what serves."""

    code = Code.RELEASE_UNRECORDED


class TransitionError(ReleaseError):
    """An event does not fit the state of a release. The text names the events that do."""

    code = Code.ACT_DOES_NOT_FIT


class TogetherUndoneError(ReleaseError):
    """One of several selectors could not be changed, and the others were changed back. The text says what serves."""

    code = Code.TOGETHER_UNDONE


class TogetherSplitError(ReleaseError):
    """One of several selectors could not be changed, nor all others changed back. The text says what may serve."""

    code = Code.TOGETHER_SPLIT


class ForeignRecordError(ReleaseError):
    """A ConfigMap or a Lease with the name of the record does not belong to this program."""

    code = Code.RECORD_OF_ANOTHER_OWNER


class RecordUnreadableError(ReleaseError):
    """The record of releases is of a newer version of this program, or somebody has broken it."""

    code = Code.RECORD_UNREADABLE


class WebhookUrlError(ReleaseError):
    """A key of a Secret does not have the URL of a webhook. The text does not show the value."""

    code = Code.WEBHOOK_UNUSABLE
