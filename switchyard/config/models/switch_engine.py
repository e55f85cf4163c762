"""The ways to switch a service in two colours."""

from enum import StrEnum


class SwitchEngine(StrEnum):
    """What a change of `active` changes. The gate before it is the same for all."""

    SELECTOR = "selector"
    """The selector of the Service, which has a single target group of the load balancer."""

    ALB_TARGETS = "albTargets"
    """The selector, with a target group for each colour that receives no requests: the step before `ALB_WEIGHTS`."""

    ALB_WEIGHTS = "albWeights"
    """The selector, and the weights of the load balancer's target groups."""
