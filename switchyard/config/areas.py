"""The code of an error in the configuration, by the path of the value."""

from collections.abc import Mapping

from switchyard.codes import Code

AREAS: Mapping[str, Code] = {
    "canary": Code.WRONG_ROLLOUT_SETTINGS,
    "argoBlueGreen": Code.WRONG_ROLLOUT_SETTINGS,
    "autoscaling": Code.WRONG_AUTOSCALING_SETTINGS,
    "podPatch": Code.WRONG_POD_PATCH,
    **dict.fromkeys(
        (
            *("affinity", "args", "command", "configEnv", "dnsConfig", "dnsPolicy", "env", "envFrom", "fieldEnv"),
            *("hostAliases", "initContainers", "labels", "liveness", "minReadySeconds", "mounts", "podAnnotations"),
            *("podDisruptionBudget", "podLabels", "ports", "readiness", "resources", "secretEnv", "security"),
            *("serviceAccount", "sidecars", "spread", "startup", "volumes", "workingDir"),
        ),
        Code.WRONG_POD_SETTINGS,
    ),
}
"""Code of an error in a service, by the first key of the path that is in this table."""


def area(path: str) -> Code:
    """The code for errors in the area of the configuration that a path belongs to.

    Args:
        path: path of a value, for example ``switchyard:services.backend.canary.steps``.
    """
    root, *keys = path.split(".")
    if root.startswith("switchyard:services"):  # a name with a dot is in brackets
        return next((AREAS[key] for key in keys[1:] if key in AREAS), Code.WRONG_SERVICE_ENTRY)
    if root == "switchyard:cluster":
        balancer = keys[:1] in (["loadBalancer"], ["loadBalancerController"])
        return Code.WRONG_LOAD_BALANCER_SETTINGS if balancer else Code.WRONG_CLUSTER_SETTINGS
    return Code.WRONG_STACK_SETTINGS
