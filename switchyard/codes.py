"""The stable code of every message: of each refusal, error, warning and report.

A code is part of the text that an engineer sees and a heading of the runbook, under "Messages by code". A code is never
used again for something else; a message that is removed leaves a gap. The letter names the area.
"""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Code of a message, by which it is found in the runbook."""

    # K: cluster access and kubeconfig
    CLUSTER_ERROR = "SY-K001"
    KUBECONFIG_INVALID = "SY-K002"
    LOGIN_FAILED = "SY-K003"
    API_UNREACHABLE = "SY-K004"
    ACCESS_DENIED = "SY-K005"
    API_REJECTED = "SY-K006"
    API_ERROR = "SY-K007"
    CLUSTER_NOT_READY = "SY-K008"
    NODES_UNREADABLE = "SY-K009"
    NODE_CHANGED = "SY-K010"
    CONTENT_UNREADABLE = "SY-K011"
    RELEASES_UNREADABLE = "SY-K012"
    AUTOSCALERS_UNREADABLE = "SY-K013"
    # L: load balancer and AWS
    AWS_FAILED = "SY-L901"
    BALANCER_UNREADABLE = "SY-L902"
    # X: command line
    STEP_NOT_TAKEN = "SY-X001"
    CONFIGURATION_UNREADABLE = "SY-X002"
    SETTINGS_INVALID = "SY-X003"
    NO_ANALYSIS = "SY-X004"
    NO_VERSION = "SY-X005"
    PROMETHEUS_NO_ANSWER = "SY-X006"
    PROMETHEUS_UNRESOLVED = "SY-X007"


TITLES: Mapping[Code, str] = {
    Code.CLUSTER_ERROR: "The cluster cannot be read",
    Code.KUBECONFIG_INVALID: "The kubeconfig cannot be used",
    Code.LOGIN_FAILED: "The user of the kubeconfig cannot log in",
    Code.API_UNREACHABLE: "The API server does not answer",
    Code.ACCESS_DENIED: "The user of the kubeconfig is not known, or lacks a permission",
    Code.API_REJECTED: "The API server rejects an object",
    Code.API_ERROR: "The API server answers with an error",
    Code.CLUSTER_NOT_READY: "Part of a new cluster is not ready in time",
    Code.NODES_UNREADABLE: "The nodes of the cluster cannot be read",
    Code.NODE_CHANGED: "A node has changed while the update ran",
    Code.CONTENT_UNREADABLE: "The ConfigMaps and Secrets of a service cannot be read",
    Code.RELEASES_UNREADABLE: "The Rollouts of services cannot be read",
    Code.AUTOSCALERS_UNREADABLE: "Autoscalers and numbers of pods cannot be read",
    Code.AWS_FAILED: "AWS does not answer, or denies the call",
    Code.BALANCER_UNREADABLE: "Whether the load balancer is as configured is not known",
    Code.STEP_NOT_TAKEN: "A step is not taken",
    Code.CONFIGURATION_UNREADABLE: "The configuration of the stack cannot be read",
    Code.SETTINGS_INVALID: "The configuration of the stack has errors",
    Code.NO_ANALYSIS: "The service has no analysis",
    Code.NO_VERSION: "The service has no version to judge",
    Code.PROMETHEUS_NO_ANSWER: "Prometheus does not answer",
    Code.PROMETHEUS_UNRESOLVED: "The host name of Prometheus does not resolve",
}
"""What each message is about, in one line: the title of its section in the runbook."""
