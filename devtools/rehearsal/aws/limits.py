"""Limits of AWS that neither the model of botocore nor moto knows."""

from devtools.rehearsal.aws.resource_type import INSTANCE, PARAMETER
from devtools.rehearsal.values import UNKNOWN, Values

USER_DATA_LIMIT = 16 * 1024
"""Bytes of user data before base64. EC2 enforces it, moto does not."""

PARAMETER_LIMITS = {"Standard": 4096, "Advanced": 8192}
"""Bytes of a parameter by tier. Systems Manager enforces it, moto does not."""

GROUPS_LIMIT = 5
"""Security groups of a network interface. EC2 enforces it (as a quota), moto does not."""


def exceeded(kind: str, inputs: Values) -> list[tuple[str, str]]:
    """Returns the limits that the inputs of a resource exceed: property and reason."""
    problems = []
    data = inputs.get("userData")
    if kind == INSTANCE and isinstance(data, str) and len(data.encode()) > USER_DATA_LIMIT:
        problems.append(("userData", f"has {len(data.encode())} bytes, EC2 takes {USER_DATA_LIMIT}"))
    groups = inputs.get("vpcSecurityGroupIds")
    if kind == INSTANCE and isinstance(groups, list) and len(groups) > GROUPS_LIMIT:
        problems.append(("vpcSecurityGroupIds", f"are {len(groups)}, an interface takes {GROUPS_LIMIT}"))
    value = inputs.get("value")
    limit = PARAMETER_LIMITS.get(inputs.get("tier") or "Standard", PARAMETER_LIMITS["Advanced"])
    if kind == PARAMETER and isinstance(value, str) and value != UNKNOWN and len(value.encode()) > limit:
        problems.append(("value", f"has {len(value.encode())} bytes, a parameter of this tier takes {limit}"))
    return problems
