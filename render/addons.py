"""Values of the charts that a stack installs."""

from typing import Any

from settings.addons import ArgoRolloutsChart

ARGO_ROLLOUTS = "argo-rollouts"
"""Namespace and release; where the runbook and the refusals look for the controller."""

LEVEL = "baseline"
"""Pod security level of its namespace: the dashboard's container asks for nothing, but does not say so as `restricted`
wants it."""


def namespace_labels() -> dict[str, str]:
    """Labels of the controller's namespace."""
    return {"pod-security.kubernetes.io/enforce": LEVEL, "pod-security.kubernetes.io/warn": "restricted"}


def argo_rollouts_values(settings: ArgoRolloutsChart) -> dict[str, Any]:
    """Values of the chart. Definitions stay when it goes: with them every Rollout, and its pods, would go."""
    return {
        "installCRDs": True,
        "keepCRDs": True,
        "controller": {"awsVerifyTargetGroup": settings.aws_verify_target_group},
        "dashboard": {"enabled": settings.dashboard},
    }
