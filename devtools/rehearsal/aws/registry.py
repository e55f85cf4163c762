"""Every resource type of pulumi-aws that the fake provider knows, by its type token."""

from collections.abc import Mapping

from devtools.rehearsal.aws import (
    elastic_ip,
    flow_log,
    iam,
    instance,
    internet_gateway,
    kms,
    logs,
    route_table,
    s3,
    security_group,
    ssm,
    subnet,
    vpc,
)
from devtools.rehearsal.aws.resource_type import ResourceType

_MODULES = (
    elastic_ip,
    flow_log,
    iam,
    instance,
    internet_gateway,
    kms,
    logs,
    route_table,
    s3,
    security_group,
    ssm,
    subnet,
    vpc,
)

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    token: resource_type for module in _MODULES for token, resource_type in module.RESOURCE_TYPES.items()
}
"""A type that is missing here is accepted, without a resource in moto. `make test` fails for a program that has such a
type."""
