"""The ways to switch a service in two colours."""

from enum import StrEnum


class SwitchEngine(StrEnum):
    """What a change of `active` changes. The gate before it is the same for all."""

    SELECTOR = "selector"
    """A switch changes the selector of the Service, for which the load balancer has a single target group."""

    ALB_TARGETS = "albTargets"
    """A switch changes the selector; each colour has a target group without requests. It precedes `ALB_WEIGHTS`."""

    ALB_WEIGHTS = "albWeights"
    """A switch changes the selector and the weights of the load balancer's target groups."""
