"""Renders a stack as the JSON of ``terraform show -json`` for a plan, which policy scanners read.

The source is the state of ``pulumi stack export``, which has the property behind each dependency, and every secret
encrypted. Encrypted values are left out of the document.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from devtools.rehearsal.values import SIGNATURE, Values

State = Mapping[str, Any]
"""A resource of ``pulumi stack export``."""

SENSITIVE = "(sensitive)"
"""The placeholder of a secret."""

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "aws:cloudwatch/logGroup:LogGroup": "aws_cloudwatch_log_group",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "aws_default_security_group",
        "aws:ec2/eip:Eip": "aws_eip",
        "aws:ec2/eipAssociation:EipAssociation": "aws_eip_association",
        "aws:ec2/flowLog:FlowLog": "aws_flow_log",
        "aws:ec2/instance:Instance": "aws_instance",
        "aws:ec2/internetGateway:InternetGateway": "aws_internet_gateway",
        "aws:ec2/route:Route": "aws_route",
        "aws:ec2/routeTable:RouteTable": "aws_route_table",
        "aws:ec2/routeTableAssociation:RouteTableAssociation": "aws_route_table_association",
        "aws:ec2/securityGroup:SecurityGroup": "aws_security_group",
        "aws:ec2/subnet:Subnet": "aws_subnet",
        "aws:ec2/vpc:Vpc": "aws_vpc",
        "aws:iam/instanceProfile:InstanceProfile": "aws_iam_instance_profile",
        "aws:iam/policy:Policy": "aws_iam_policy",
        "aws:iam/role:Role": "aws_iam_role",
        "aws:iam/rolePolicy:RolePolicy": "aws_iam_role_policy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "aws_iam_role_policy_attachment",
        "aws:kms/alias:Alias": "aws_kms_alias",
        "aws:kms/key:Key": "aws_kms_key",
        "aws:s3/bucket:Bucket": "aws_s3_bucket",
        "aws:s3/bucketAcl:BucketAcl": "aws_s3_bucket_acl",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "aws_s3_bucket_lifecycle_configuration",
        "aws:s3/bucketLogging:BucketLogging": "aws_s3_bucket_logging",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "aws_s3_bucket_ownership_controls",
        "aws:s3/bucketPolicy:BucketPolicy": "aws_s3_bucket_policy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "aws_s3_bucket_public_access_block",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
            "aws_s3_bucket_server_side_encryption_configuration"
        ),
        "aws:s3/bucketVersioning:BucketVersioning": "aws_s3_bucket_versioning",
        "aws:ssm/parameter:Parameter": "aws_ssm_parameter",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "aws_vpc_security_group_egress_rule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "aws_vpc_security_group_ingress_rule",
        "tls:index/certRequest:CertRequest": "tls_cert_request",
        "tls:index/locallySignedCert:LocallySignedCert": "tls_locally_signed_cert",
        "tls:index/privateKey:PrivateKey": "tls_private_key",
        "tls:index/selfSignedCert:SelfSignedCert": "tls_self_signed_cert",
    }
)
"""Terraform's name of each type. The providers are the same; Pulumi only wraps them."""

OTHERS = frozenset({"kubernetes", "pulumi", "switchyard"})
"""Packages whose resources are not in AWS. They are checked elsewhere, or only group other resources."""

BLOCKS: Mapping[str, str] = MappingProxyType(
    {
        "ebsBlockDevices": "ebs_block_device",
        "inlinePolicies": "inline_policy",
        "networkInterfaces": "network_interface",
        "noncurrentVersionTransitions": "noncurrent_version_transition",
        "routes": "route",
        "rules": "rule",
        "transitions": "transition",
    }
)
"""Terraform's names of blocks that Pulumi names in the plural."""

MAPS = frozenset({"tags", "tagsAll", "volumeTags"})
"""Properties whose keys are chosen by the user. Every other mapping is a block."""

IDENTITIES = ("arn", "name", "keyId", "allocationId")
"""Outputs by which other resources name one, besides its id."""


class UnmappedError(Exception):
    """The state has a resource that the document cannot contain. If it were left out, it would not be checked."""


@dataclass(frozen=True)
class Planned:
    """A resource in the document.

    Attributes:
        address: address of the resource in the document.
        name: Pulumi's name of the resource.
        state: state of the resource in the engine's record.
    """

    address: str
    name: str
    state: State

    @property
    def type(self) -> str:
        """Terraform's name of its type."""
        return self.address.partition(".")[0]


def planned(resources: Iterable[State]) -> list[Planned]:
    """The resources that the document has, ordered by address.

    Args:
        resources: all of a stack.

    Raises:
        UnmappedError: one is of a type that is not in the table, or two have the same address.
    """
    by_address: dict[str, Planned] = {}
    for state in resources:
        kind, name = state["type"], state["urn"].rpartition("::")[2]
        if kind.partition(":")[0] in OTHERS:
            continue
        if kind not in TYPES:
            raise UnmappedError(
                f"{name}: {kind}: Terraform's name of this type is not known. "
                "Add it to TYPES of devtools/rehearsal/plan.py"
            )
        address = f"{TYPES[kind]}.{re.sub('[^A-Za-z0-9_-]', '_', name)}"
        if address in by_address:
            raise UnmappedError(
                f"{name}: {address}: the address is that of {by_address[address].name} as well. Rename one of the two"
            )
        by_address[address] = Planned(address, name, state)
    return [by_address[address] for address in sorted(by_address)]


def document(resources: Iterable[State]) -> Values:
    """The plan that creates these resources.

    A property that comes from another resource has its value, as in the plan of an existing stack, and a reference as
    well: checks of single resources read the value, checks of connections the reference.

    Args:
        resources: all of a stack; those that are not in AWS are left out.

    Raises:
        UnmappedError: see planned().
    """
    resources = list(resources)
    wanted = planned(resources)
    by_urn = {resource.state["urn"]: resource for resource in wanted}
    by_identity = {identity: resource for resource in wanted for identity in _identities(resource.state)}
    named = [
        {"address": resource.address, "mode": "managed", "type": resource.type, "name": _name(resource)}
        for resource in wanted
    ]
    values = [_block(resource.state["inputs"]) for resource in wanted]
    return {
        "format_version": "1.2",
        # Scanners recognise a plan by this key.
        "terraform_version": "1.9.0",
        "planned_values": {
            "root_module": {
                "resources": [
                    entry | {"values": plain, "sensitive_values": _sensitive(resource.state["inputs"])}
                    for entry, plain, resource in zip(named, values, wanted, strict=True)
                ]
            }
        },
        "resource_changes": [
            entry | {"change": {"actions": ["create"], "before": None, "after": plain, "after_unknown": {}}}
            for entry, plain in zip(named, values, strict=True)
        ],
        "configuration": {
            "provider_config": _providers(resources),
            "root_module": {
                "resources": [
                    entry | {"expressions": _expressions(resource.state, by_urn, by_identity)}
                    for entry, resource in zip(named, wanted, strict=True)
                ]
            },
        },
    }


def snake(name: str) -> str:
    """``cidrIpv4`` as Terraform has it: ``cidr_ipv4``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def is_secret(value: Any) -> bool:
    """Whether a value of a state is a secret. Its other keys then have the secret, encrypted or not."""
    return isinstance(value, Mapping) and SIGNATURE in value


def _name(resource: Planned) -> str:
    return resource.address.partition(".")[2]


def _key(name: str) -> str:
    return BLOCKS.get(name, snake(name))


def _block(inputs: State) -> Values:
    return {_key(name): _value(name, value) for name, value in inputs.items() if value is not None}


def _value(name: str, value: Any) -> Any:
    if is_secret(value):
        return SENSITIVE
    if isinstance(value, Mapping):
        # Terraform has a block in a list, even where there can be only one.
        return {key: _value("", item) for key, item in value.items()} if name in MAPS else [_block(value)]
    if isinstance(value, list):
        return [
            _block(item) if isinstance(item, Mapping) and not is_secret(item) else _value("", item) for item in value
        ]
    return value


def _sensitive(inputs: State) -> Values:
    return {_key(name): True for name, value in inputs.items() if _has_secret(value)}


def _has_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return is_secret(value) or any(_has_secret(item) for item in value.values())
    return isinstance(value, list) and any(_has_secret(item) for item in value)


def _identities(state: State) -> set[str]:
    """The values by which other resources refer to a resource.

    Values that it has from another resource are left out: the settings of a bucket have the ID of the bucket.
    """
    outputs = state.get("outputs", {})
    identities = {state.get("id"), *(outputs.get(name) for name in IDENTITIES)}
    depends = {name for name, urns in state.get("propertyDependencies", {}).items() if urns}
    given = {text for name in depends for text in _texts(state["inputs"].get(name))}
    return {identity for identity in identities - given if isinstance(identity, str) and identity}


def _expressions(state: State, by_urn: Mapping[str, Planned], by_identity: Mapping[str, Planned]) -> Values:
    """The references of each property that has any."""
    expressions = {}
    for name, urns in state.get("propertyDependencies", {}).items():
        # The engine also lists resources that only have to exist before, such as the rules of a group or the route of a
        # subnet.
        named = [by_identity[text].address for text in _texts(state["inputs"].get(name)) if text in by_identity]
        depended = [by_urn[urn].address for urn in urns if urn in by_urn]
        if addresses := list(dict.fromkeys(named or depended)):
            expressions[_key(name)] = {"references": [part for each in addresses for part in (f"{each}.id", each)]}
    return expressions


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]


def _providers(resources: Iterable[State]) -> Values:
    """The AWS provider, with its only setting that is not secret."""
    regions = {
        state["inputs"]["region"]
        for state in resources
        if state["type"] == "pulumi:providers:aws" and "region" in state["inputs"]
    }
    if len(regions) > 1:
        raise UnmappedError(f"pulumi:providers:aws: {', '.join(sorted(regions))}: only one region is known to a plan")
    return {"aws": {"name": "aws", "expressions": {"region": {"constant_value": regions.pop()}}}} if regions else {}
