"""Every error that Switchyard raises on purpose, as one tree.

::

    SwitchyardError
    ├── SettingsError                  (switchyard.config.errors) the configuration has errors
    ├── ConfigurationError             the configuration of a stack cannot be read
    │   └── EngineError                the engine refuses a command, or cannot reach the state
    ├── LogUnwritableError             the log of a detached command cannot be written
    ├── DetachedEndedError             a detached command ended before its release started
    ├── UsageError                     a command names what the stack does not have, or is not confirmed
    ├── ClusterError                   the cluster does not answer, or its answer is an error
    │   ├── KubeconfigError            the kubeconfig cannot be used
    │   ├── LoginError                 the kubeconfig's user cannot log in
    │   ├── UnreachableError           no answer from the API server, or from what is behind it
    │   ├── AccessDeniedError          a permission is missing, or the user is not known
    │   ├── RejectedError              the API server rejects an object
    │   ├── NoIdentityError            the cluster cannot be identified
    │   ├── WeightsNotWrittenError     (switchyard.release_errors) a load balancer does not follow a selector
    │   ├── RecordUnusableError        (switchyard.release_errors) a release that runs cannot be recorded
    │   └── ApiStatusError             the API server answers with any other error
    ├── ObservationError               part of the cluster that a run reads first cannot be read
    │   ├── ContentUnreadableError     ConfigMaps and Secrets
    │   ├── NodesUnreadableError       nodes
    │   ├── RolloutsUnreadableError    Rollouts
    │   └── VersionUnreadableError     the version of the API server
    ├── GateRefusedError               a step was not carried out
    ├── NodeChangedError               a node was changed while the update ran
    ├── ClusterNotReadyError           part of a new cluster is not ready in time
    ├── ReleaseError                   (switchyard.release_errors) a release cannot continue, or cannot be read
    │   ├── LeaseHeldError             another command releases the service
    │   ├── LeaseLostError             another command has taken the Lease
    │   ├── DrillNotBackError          a drill has switched, and has not switched back
    │   ├── RollbackUnrecordedError    the result of a rollback could not be recorded
    │   ├── ReleaseUnrecordedError     the progress of a release could not be recorded
    │   ├── TransitionError            a command does not fit the phase of the release
    │   ├── TogetherUndoneError        one of several services was not switched; all serve as before
    │   ├── TogetherSplitError         one of several services was not switched; not all serve as before
    │   ├── ForeignRecordError         somebody else has an object of the record's name
    │   ├── WebhookUrlError            a key of a Secret has no URL of a webhook
    │   └── RecordUnreadableError      the record is of a newer version, or broken
    ├── AwsError                       AWS does not answer, or denies the call
    ├── UserDataTooLongError           EC2 would refuse the user data of a machine
    ├── ParameterTooLongError          SSM would refuse the value of a parameter
    ├── MetricsError                   (switchyard.release.watch.samples) the metrics of a pod cannot be read
    └── AnalysisError                  (switchyard.analysis_errors) `switchyard analyze` has nothing to judge
        ├── NoAnalysisError            the service has no analysis
        ├── NoVersionError             the service has no version to judge
        ├── PrometheusError            Prometheus does not answer
        └── PrometheusUnresolvedError  the host name of Prometheus does not resolve here

Errors of libraries (httpx, ssl, json, yaml, botocore, and OSError) are mapped where the library is called, so that
callers catch classes of this tree alone. `switchyard.cli.failures` turns an error into an exit code, and
`components.failures` turns it into a `pulumi.RunError`; nothing else does.
"""

from enum import IntEnum
from typing import ClassVar

from switchyard.codes import Code

PREFIX = "SY-"
"""Prefix of every code."""


class ExitCode(IntEnum):
    """Exit codes of the command line. Scripts rely on them.

    Attributes:
        OK: the command has done what was asked.
        FAILED: a service does not serve what is configured, an analysis would not succeed, or the cluster or
            Prometheus does not answer.
        USAGE: wrong usage or configuration.
    """

    OK = 0
    FAILED = 1
    USAGE = 2


class SwitchyardError(Exception):
    """The base of all errors of Switchyard. The text says what happened.

    Attributes:
        code: stable code of this kind of error.
        exit_code: exit code of a command that ends with this error.
    """

    code: ClassVar[Code] = Code.STEP_NOT_TAKEN
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    @property
    def summary(self) -> str:
        """The error as a whole sentence, without its full stop."""
        return str(self)


class ConfigurationError(SwitchyardError):
    """The configuration of a stack cannot be read. The text has the message of the engine."""

    code = Code.CONFIGURATION_UNREADABLE
    exit_code = ExitCode.USAGE


class EngineError(ConfigurationError):
    """The engine refuses a command, or cannot reach the state of the stack. The text has the engine's own words."""

    code = Code.CONFIGURATION_UNREADABLE


class UsageError(SwitchyardError):
    """A command names what the stack does not have, or is not confirmed. The text of a refusal has its own code."""

    code = Code.COMMAND_LINE_WRONG
    exit_code = ExitCode.USAGE


class LogUnwritableError(SwitchyardError):
    """The log of a detached command cannot be written."""

    code = Code.DETACHED_LOG_UNWRITABLE


class DetachedEndedError(SwitchyardError):
    """A detached command ended before it held the Lease. The text has its output."""

    code = Code.DETACHED_ENDED


class ClusterError(SwitchyardError):
    """The cluster does not answer, or its answer is an error. Callers of a cluster catch this class alone."""

    code = Code.CLUSTER_ERROR
    about: ClassVar[str] = "The cluster cannot be read: "
    """Beginning of the error as a sentence, before its text; empty if the text is a sentence."""

    is_of_first_call = False
    """Whether the connection could not be opened, so that a command has not changed anything yet."""

    @property
    def summary(self) -> str:
        """The error as a whole sentence, without its full stop."""
        sentence = f"{self.about}{self}"
        return f"{sentence[:1].upper()}{sentence[1:]}"


class KubeconfigError(ClusterError):
    """A kubeconfig cannot be used. The text names the file, the rule and the remedy, and no credential."""

    code = Code.KUBECONFIG_INVALID

    @property
    def summary(self) -> str:
        """The text of the error, which is a whole sentence."""
        return str(self)


class LoginError(ClusterError):
    """The user of a kubeconfig could not log in. The text has the message of the login command."""

    code = Code.LOGIN_FAILED

    @property
    def summary(self) -> str:
        """The text of the error, which is a whole sentence."""
        return str(self)


class UnreachableError(ClusterError):
    """The API server does not answer, or the answer is not that of an API server."""

    code = Code.API_UNREACHABLE
    about = "The cluster does not answer: "


class AccessDeniedError(ClusterError):
    """The API server does not know the user, or does not let the user do what is needed.

    Args:
        verb: verb of Kubernetes' access rules, for example ``get``.
        resource: resource of the request, for example ``services/backend in namespace default``.
        status: 401 or 403.
        answer: the message of the API server, which names the user and the permission.
    """

    code = Code.ACCESS_DENIED

    def __init__(self, verb: str, resource: str, status: int, answer: str) -> None:
        super().__init__(f"may not {verb} {resource} ({status}: {answer})")
        self.status = status
        self.asked = f"{verb} {resource}"
        """Verb and resource as arguments of `kubectl auth can-i`, without the namespace."""

    @property
    def summary(self) -> str:
        """The error as a whole sentence, without its full stop."""
        return f"The kubeconfig's user {self}"


class RejectedError(ClusterError):
    """The API server rejects an object, because it is invalid or a policy forbids it."""

    code = Code.API_REJECTED
    about = ""


class NoIdentityError(ClusterError):
    """The cluster has no namespace kube-system, whose UID identifies a cluster."""

    code = Code.CLUSTER_ERROR


class ApiStatusError(ClusterError):
    """The API server answered with an error that is neither a missing permission nor a rejected object.

    Args:
        verb: verb of Kubernetes' access rules.
        resource: resource of the request.
        status: the HTTP status of the answer.
        answer: the message of the API server.
    """

    code = Code.API_ERROR
    about = ""

    def __init__(self, verb: str, resource: str, status: int, answer: str) -> None:
        super().__init__(f"the API server answered {status} to {verb} {resource}: {answer}")
        self.verb = verb
        self.status_code = status


class ObservationError(SwitchyardError):
    """Part of the cluster that a run reads before it begins cannot be read. The text says why, and what to do."""

    code = Code.CLUSTER_ERROR


class ContentUnreadableError(ObservationError):
    """The ConfigMaps and Secrets of services could not be read. The text says why, and what to do."""

    code = Code.CONTENT_UNREADABLE


class NodesUnreadableError(ObservationError):
    """The nodes of a cluster could not be read. The text says why, and what to do."""

    code = Code.NODES_UNREADABLE


class RolloutsUnreadableError(ObservationError):
    """The Rollouts of services could not be read. The text says why, and what to do."""

    code = Code.ROLLOUTS_UNREADABLE


class VersionUnreadableError(ObservationError):
    """The API server does not report its version. The text says why."""

    code = Code.API_UNREACHABLE


class GateRefusedError(SwitchyardError):
    """A step was not carried out, and the cluster is as it was before the step. The text says why."""

    code = Code.STEP_NOT_TAKEN


class NodeChangedError(SwitchyardError):
    """A node was changed while the update ran, so the patch that was rendered for it is not sent."""

    code = Code.NODE_CHANGED


class ClusterNotReadyError(SwitchyardError):
    """Part of a new cluster was not ready in time. The text says where to look."""

    code = Code.CLUSTER_NOT_READY


class AwsError(SwitchyardError):
    """AWS does not answer, or denies the call. The text says why."""

    code = Code.AWS_FAILED


class UserDataTooLongError(SwitchyardError):
    """EC2 would refuse the user data of a machine. The text has the size and the limit."""

    code = Code.USER_DATA_TOO_LONG


class ParameterTooLongError(SwitchyardError):
    """SSM would refuse the value of a parameter. The text has its name and size, and never its value."""

    code = Code.PARAMETER_TOO_LONG


def with_code(code: Code, text: str) -> str:
    """A message with its code in front, unless it has one already."""
    return text if f"({PREFIX}" in text else f"{code}: {text}"
