"""Errors of `switchyard analyze`, a branch of the tree in `switchyard.errors`."""

from switchyard.codes import Code
from switchyard.errors import ExitCode, SwitchyardError


class AnalysisError(SwitchyardError):
    """An analysis cannot be judged. The text says why."""

    code = Code.NO_ANALYSIS


class NoAnalysisError(AnalysisError):
    """A service has no analysis. The text says why."""

    code = Code.NO_ANALYSIS
    exit_code = ExitCode.USAGE


class NoVersionError(AnalysisError):
    """A service has no version that could be judged. The text says why."""

    code = Code.NO_VERSION


class PrometheusError(AnalysisError):
    """A query has no answer; the text says why. An analysis counts it as an error, not as a failure."""

    code = Code.PROMETHEUS_NO_ANSWER


class PrometheusUnresolvedError(AnalysisError):
    """This machine does not resolve the host name of Prometheus. The cluster may still resolve it."""

    code = Code.PROMETHEUS_UNRESOLVED
