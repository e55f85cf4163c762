"""A stack as the plan that a scanner reads, and as the summary that a reviewer reads: without an engine."""

import json
from typing import Any

import pytest
import yaml

from devtools.rehearsal.plan import SENSITIVE, UnmappedError, document, planned, snake
from devtools.rehearsal.policy.summary import ALL, FILES, NONE, SECRET, summary
from devtools.rehearsal.values import SECRET as SECRET_MARK
from devtools.rehearsal.values import SIGNATURE, Values

VPC = "aws:ec2/vpc:Vpc"
BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
PARAMETER = "aws:ssm/parameter:Parameter"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
CIPHER = {SIGNATURE: SECRET_MARK, "ciphertext": "v1:c2VjcmV0"}


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:test::switchyard::switchyard:network:Network${type_}::{name}"


def state(type_: str, name: str, inputs: Values, **more: Any) -> Values:
    """A resource of an exported stack: its dependencies by property, its id and its outputs."""
    dependencies = {key: [urn(*of)] for key, of in more.pop("depends", {}).items()}
    return {
        "urn": urn(type_, name),
        "type": type_,
        "id": more.pop("id", f"{name}-id"),
        "inputs": inputs,
        "outputs": inputs | more,
        "propertyDependencies": dependencies,
    }


BACKUPS = state(
    BUCKET, "backups", {"bucket": "backups-0a1b2c3"}, id="backups-0a1b2c3", arn="arn:aws:s3:::backups-0a1b2c3"
)
VERSIONS = state(
    VERSIONING,
    "versions",
    {"bucket": "backups-0a1b2c3", "versioningConfiguration": {"status": "Enabled"}},
    id="backups-0a1b2c3",
    depends={"bucket": (BUCKET, "backups")},
)


def section(resources: list[Values], name: str) -> list[Values]:
    plan: Values = document(resources)
    sections: list[Values] = {
        "values": plan["planned_values"]["root_module"],
        "configuration": plan["configuration"]["root_module"],
        "changes": {"resources": plan["resource_changes"]},
    }[name]["resources"]
    return sections


def values(resource: Values) -> Values:
    attributes: Values = section([resource], "values")[0]["values"]
    return attributes


def test_a_resource_has_terraforms_type_names_and_blocks() -> None:
    [entry] = section([VERSIONS], "values")
    assert (entry["address"], entry["mode"]) == ("aws_s3_bucket_versioning.versions", "managed")
    assert entry["values"] == {"bucket": "backups-0a1b2c3", "versioning_configuration": [{"status": "Enabled"}]}
    [change] = section([VERSIONS], "changes")
    assert change["change"]["actions"] == ["create"]
    assert change["change"]["after"] == entry["values"]


@pytest.mark.parametrize(
    ("ours", "terraforms"),
    [
        ("cidrIpv4", "cidr_ipv4"),
        ("kmsMasterKeyId", "kms_master_key_id"),
        ("httpPutResponseHopLimit", "http_put_response_hop_limit"),
        ("userDataBase64", "user_data_base64"),
    ],
)
def test_a_property_has_terraforms_name(ours: str, terraforms: str) -> None:
    assert snake(ours) == terraforms


def test_tags_keep_their_keys_and_blocks_lose_their_plural() -> None:
    tagged = values(state(VPC, "vpc", {"tags": {"kubernetes.io/cluster/x": "owned"}}))
    assert tagged == {"tags": {"kubernetes.io/cluster/x": "owned"}}
    type_ = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    rules = values(state(type_, "ends", {"rules": [{"id": "keep", "expiration": {"days": 14}}]}))
    assert rules == {"rule": [{"id": "keep", "expiration": [{"days": 14}]}]}


def test_a_dot_in_a_name_does_not_end_the_name_in_an_address() -> None:
    [entry] = section([state(PARAMETER, "pki-ca.key", {"type": "SecureString"})], "values")
    assert entry["address"] == "aws_ssm_parameter.pki-ca_key"
    assert [resource.name for resource in planned([state(PARAMETER, "pki-ca.key", {})])] == ["pki-ca.key"]


def test_a_secret_is_not_in_the_plan_encrypted_or_not() -> None:
    secret = {SIGNATURE: SECRET_MARK, "plaintext": '"s3cret"'}
    plan = document([state(PARAMETER, "token", {"value": CIPHER, "list": [secret], "block": {"deep": secret}})])
    text = json.dumps(plan)
    assert "c2VjcmV0" not in text
    assert "s3cret" not in text
    [entry] = plan["planned_values"]["root_module"]["resources"]
    assert entry["values"] == {"value": SENSITIVE, "list": [SENSITIVE], "block": [{"deep": SENSITIVE}]}
    assert entry["sensitive_values"] == {"value": True, "list": True, "block": True}


def test_a_property_names_the_resource_that_its_value_is_of() -> None:
    first, second = section([BACKUPS, VERSIONS], "configuration")
    assert first["expressions"] == {}
    reference = "aws_s3_bucket.backups"
    assert second["expressions"] == {"bucket": {"references": [f"{reference}.id", reference]}}


def test_a_computed_property_references_the_dependencies_that_the_engine_records() -> None:
    policy = state("aws:iam/policy:Policy", "read", {"policy": "{}"}, depends={"policy": (BUCKET, "backups")})
    entry = section([BACKUPS, policy], "configuration")[0]
    assert entry["expressions"]["policy"]["references"][1] == "aws_s3_bucket.backups"


def test_a_mere_ordering_dependency_is_no_reference() -> None:
    group = state("aws:ec2/securityGroup:SecurityGroup", "nodes", {}, id="sg-1")
    rule = state(RULE, "rule", {"securityGroupId": "sg-1"}, depends={})
    machine = state(
        "aws:ec2/instance:Instance",
        "one",
        {"vpcSecurityGroupIds": ["sg-1"]},
        depends={"vpcSecurityGroupIds": (RULE, "rule")},
    )
    expressions = {entry["name"]: entry["expressions"] for entry in section([group, rule, machine], "configuration")}
    assert expressions["one"]["vpc_security_group_ids"]["references"][1] == "aws_security_group.nodes"


def test_resources_outside_aws_are_left_out_and_unknown_types_are_errors() -> None:
    others = [state("kubernetes:core/v1:Service", "backend", {}), state("switchyard:network:Network", "network", {})]
    assert planned(others) == []
    with pytest.raises(UnmappedError, match=r"queue: aws:sqs/queue:Queue: .*Add it to TYPES"):
        document([state("aws:sqs/queue:Queue", "queue", {})])
    with pytest.raises(UnmappedError, match="random"):
        document([state("random:index/id:Id", "id", {})])


def test_two_resources_of_one_address_are_an_error() -> None:
    with pytest.raises(UnmappedError, match=r"is that of a\.b as well"):
        document([state(VPC, "a.b", {}), state(VPC, "a_b", {})])


def test_the_region_is_the_providers() -> None:
    provider = state("pulumi:providers:aws", "aws", {"region": "ap-northeast-2", "secretKey": CIPHER})
    configuration = document([provider])["configuration"]["provider_config"]
    assert configuration == {"aws": {"name": "aws", "expressions": {"region": {"constant_value": "ap-northeast-2"}}}}
    with pytest.raises(UnmappedError, match="only one region"):
        document([provider, state("pulumi:providers:aws", "aws-2", {"region": "us-east-1"})])


def test_a_summary_is_yaml_in_one_order_without_ids_and_secrets() -> None:
    parameter = state(
        PARAMETER, "token", {"name": "/x/token", "value": CIPHER}, id="/x/token", arn="arn:1:parameter/x/token"
    )
    text = summary([VERSIONS, parameter, BACKUPS])
    assert text == summary([BACKUPS, parameter, VERSIONS])
    assert yaml.safe_load(text) == {
        "tags": {ALL: {}, NONE: [BUCKET, VERSIONING, PARAMETER]},
        BUCKET: {"backups": {"bucket": "<backups>"}},
        VERSIONING: {"versions": {"bucket": "<backups>", "versioningConfiguration": {"status": "Enabled"}}},
        PARAMETER: {"token": {"name": "/x/token", "value": SECRET}},
    }


def test_a_summary_has_a_policys_statements_and_the_names_in_them() -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::backups-0a1b2c3/x"}],
    }
    summarized = yaml.safe_load(
        summary([BACKUPS, state("aws:iam/policy:Policy", "read", {"policy": json.dumps(policy)})])
    )
    assert summarized["aws:iam/policy:Policy"]["read"]["policy"] == [
        {"Action": "s3:GetObject", "Resource": "<backups.arn>/x"},
    ]


def test_a_summary_has_a_rule_on_one_line_and_the_files_of_user_data() -> None:
    inputs = {
        "ipProtocol": "tcp",
        "fromPort": 30000,
        "toPort": 32767,
        "cidrIpv4": "10.0.0.0/8",
        "description": "Services",
    }
    rule = state(RULE, "in", inputs | {"securityGroupId": "sg-1", "tags": {"Name": "x"}})
    assert "  in: tcp 30000-32767 from 10.0.0.0/8 into sg-1 (Services)\n" in summary([rule])
    data = "#cloud-config\nwrite_files:\n- path: /etc/a\n  content: random\n"
    summarized = yaml.safe_load(summary([state("aws:ec2/instance:Instance", "one", {"userData": data})]))
    assert summarized["aws:ec2/instance:Instance"]["one"]["userData"] == {FILES: ["/etc/a"]}


def test_a_long_value_of_a_summary_is_on_lines_of_its_own_and_the_same() -> None:
    rules = [{"id": f"rule-{number}", "prefix": "p" * 60, "days": [number] * 40} for number in range(3)]
    type_ = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    text = summary([state(type_, "ends", {"rules": rules, "tags": {"Name": "x"}})])
    assert max(len(line) for line in text.splitlines()) < 140
    assert yaml.safe_load(text)[type_] == {"ends": {"rules": rules}}


def test_a_summary_has_the_tags_of_all_once_and_what_has_none() -> None:
    tags = {"environment": "production", "owner": "us"}
    vpc = state(VPC, "vpc", {"tags": tags | {"Name": "x", "own": "1"}})
    bucket = state(BUCKET, "logs", {"tags": tags | {"Name": "y", "owner": "them"}})
    summarized = yaml.safe_load(summary([vpc, bucket, VERSIONS]))
    assert summarized["tags"] == {ALL: {"environment": "production"}, NONE: [VERSIONING]}
    assert summarized[VPC]["vpc"] == {"tags": {"owner": "us", "own": "1"}}
    assert summarized[BUCKET]["logs"] == {"tags": {"owner": "them"}}
