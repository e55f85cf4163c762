"""What switches a service in two colours."""

from enum import StrEnum


class SwitchEngine(StrEnum):
    """What the key `active` of a service in two colours changes; the gate before it is the same."""

    SELECTOR = "selector"
    """The selector of its Service, behind the one target group of the load balancer."""

    ALB_TARGETS = "albTargets"
    """The same, with a target group for each colour beside that one, which gets no request: the step between."""

    ALB_WEIGHTS = "albWeights"
    """The selector, and the weights of the load balancer's target groups."""
