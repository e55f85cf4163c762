"""The policy documents: what each role may do, statement by statement, and nothing else."""

import json
from typing import Any, cast

import pytest

from switchyard.aws import iam, policy_documents
from switchyard.config.aws_partition import partition

PLACE = iam.AwsLocation("aws", "ap-northeast-2", "123456789012")
KEY = PLACE.arn("kms", "key/1")
BUCKET = "arn:aws:s3:::backups"
PARAMETERS = [PLACE.arn("ssm", f"parameter/switchyard/it/pki/{file}") for file in ("ca.crt", "ca.key")]
WAF = PLACE.arn("wafv2", "regional/webacl/it/1")
BALANCER = PLACE.arn("elasticloadbalancing", "loadbalancer/app/*/*")

ROLES: dict[str, policy_documents.Document] = {
    "node": iam.node(PLACE, KEY, PARAMETERS),
    "backup": iam.backup(PLACE, KEY, BUCKET),
    "load balancer controller": iam.load_balancer_controller(PLACE, "it", "vpc-1", WAF),
}


def statements(document: policy_documents.Document) -> dict[str, dict[str, Any]]:
    by_sid = {statement["Sid"]: statement for statement in cast("list[dict[str, Any]]", document["Statement"])}
    assert len(by_sid) == len(cast("list[object]", document["Statement"]))
    return by_sid


ALL = [
    pytest.param(statement, id=f"{name}: {sid}")
    for name, document in ROLES.items()
    for sid, statement in statements(document).items()
]


@pytest.mark.parametrize("statement", ALL)
def test_no_statement_of_a_role_has_a_wildcard_in_an_action(statement: dict[str, Any]) -> None:
    assert statement["Effect"] == "Allow"
    assert "NotAction" not in statement
    assert not [action for action in statement["Action"] if "*" in action or "?" in action]


@pytest.mark.parametrize("statement", ALL)
def test_a_statement_of_a_role_is_for_every_resource_only_where_aws_has_none(statement: dict[str, Any]) -> None:
    without = [action for action in statement["Action"] if action in iam.WITHOUT_RESOURCE]
    assert (statement["Resource"] == "*") == bool(without)
    assert without in ([], statement["Action"])
    assert "NotResource" not in statement


def test_each_action_without_a_resource_has_its_reason_and_is_in_use() -> None:
    used = {action for document in ROLES.values() for s in statements(document).values() for action in s["Action"]}
    assert set(iam.WITHOUT_RESOURCE) <= used
    assert all(iam.WITHOUT_RESOURCE.values())


def test_only_ec2_may_assume_the_roles() -> None:
    assert statements(iam.assume_role("ap-northeast-2")) == {
        "Machines": {
            "Sid": "Machines",
            "Effect": "Allow",
            "Action": ["sts:AssumeRole"],
            "Principal": {"Service": "ec2.amazonaws.com"},
        }
    }


def test_a_node_is_reached_by_session_manager_and_reads_exactly_its_parameters() -> None:
    by_sid = statements(ROLES["node"])
    assert set(by_sid) == {"SessionManager", "Heartbeat", "Secrets", "DecryptSecrets"}
    assert set(by_sid["SessionManager"]["Action"]) == set(iam.SESSION_MANAGER)
    assert by_sid["Secrets"]["Action"] == ["ssm:GetParameter"]
    assert by_sid["Secrets"]["Resource"] == PARAMETERS
    assert not [arn for arn in PARAMETERS if "*" in arn]


def test_a_node_decrypts_with_the_stacks_key_and_through_ssm_only() -> None:
    statement = statements(ROLES["node"])["DecryptSecrets"]
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt"], KEY)
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "ssm.ap-northeast-2.amazonaws.com"}}


def test_the_control_plane_writes_finds_and_reads_snapshots_and_deletes_none() -> None:
    by_sid = statements(ROLES["backup"])
    assert set(by_sid) == {"Snapshots", "FindSnapshots", "EncryptSnapshots"}
    assert by_sid["Snapshots"]["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert by_sid["Snapshots"]["Resource"] == f"{BUCKET}/snapshots/*"
    assert (by_sid["FindSnapshots"]["Action"], by_sid["FindSnapshots"]["Resource"]) == (["s3:ListBucket"], BUCKET)
    assert by_sid["FindSnapshots"]["Condition"] == {"StringLike": {"s3:prefix": "snapshots/*"}}
    assert by_sid["EncryptSnapshots"]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert by_sid["EncryptSnapshots"]["Resource"] == KEY
    assert by_sid["EncryptSnapshots"]["Condition"] == {
        "StringEquals": {"kms:ViaService": "s3.ap-northeast-2.amazonaws.com"}
    }


@pytest.mark.parametrize("sid", ["CreateIn", "TagOurs", "Untag", "ChangeOurs"])
def test_the_controller_changes_only_what_has_the_clusters_tag(sid: str) -> None:
    statement = statements(ROLES["load balancer controller"])[sid]
    assert statement["Condition"]["StringEquals"] == {"aws:ResourceTag/elbv2.k8s.aws/cluster": "it"}


@pytest.mark.parametrize("sid", ["Create", "TagNew"])
def test_what_the_controller_creates_has_the_clusters_tag(sid: str) -> None:
    statement = statements(ROLES["load balancer controller"])[sid]
    assert statement["Condition"]["StringEquals"]["aws:RequestTag/elbv2.k8s.aws/cluster"] == "it"


def test_the_controller_tags_at_creation_what_it_may_create() -> None:
    by_sid = statements(ROLES["load balancer controller"])
    created = {action.partition(":")[2] for sid in ("Create", "CreateIn") for action in by_sid[sid]["Action"]}
    assert set(by_sid["TagNew"]["Condition"]["StringEquals"]["elasticloadbalancing:CreateAction"]) == created


def test_the_controller_can_neither_change_nor_remove_the_clusters_tag() -> None:
    by_sid = statements(ROLES["load balancer controller"])
    assert by_sid["TagOurs"]["Condition"]["StringEqualsIfExists"] == {"aws:RequestTag/elbv2.k8s.aws/cluster": "it"}
    assert by_sid["Untag"]["Condition"]["ForAllValues:StringNotEquals"] == {"aws:TagKeys": ["elbv2.k8s.aws/cluster"]}


def test_the_controller_reads_only_its_region_and_creates_only_elbs_service_linked_role() -> None:
    by_sid = statements(ROLES["load balancer controller"])
    assert by_sid["Look"]["Condition"] == {"StringEquals": {"aws:RequestedRegion": "ap-northeast-2"}}
    assert by_sid["Groups"]["Resource"] == "arn:aws:ec2:ap-northeast-2:123456789012:vpc/vpc-1"
    assert by_sid["LinkedRole"]["Resource"].startswith("arn:aws:iam::123456789012:role/aws-service-role/")
    assert by_sid["LinkedRole"]["Condition"] == {
        "StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}
    }


def test_the_controller_touches_no_security_group_no_machine_and_no_network_load_balancer() -> None:
    by_sid = statements(ROLES["load balancer controller"])
    changing = {
        action for sid, statement in by_sid.items() if sid not in {"Look", "Groups"} for action in statement["Action"]
    }
    assert {action.partition(":")[0] for action in changing} == {"elasticloadbalancing", "iam", "wafv2"}
    assert "/net/" not in policy_documents.text(ROLES["load balancer controller"])


def test_a_firewall_is_associated_only_where_the_settings_name_one() -> None:
    by_sid = statements(ROLES["load balancer controller"])
    assert by_sid["Firewall"]["Resource"] == [WAF, BALANCER]
    without = statements(iam.load_balancer_controller(PLACE, "it", "vpc-1"))
    assert set(by_sid) - set(without) == {"Firewall", "SetAcl"}


def test_actions_that_know_no_tag_have_no_condition_on_one() -> None:
    # Service authorization reference, Elastic Load Balancing V2: a condition on a key that an action does not know
    # is never met.
    by_sid = statements(ROLES["load balancer controller"])
    for action in ("elasticloadbalancing:SetRulePriorities", "elasticloadbalancing:SetWebAcl"):
        [statement] = [candidate for candidate in by_sid.values() if action in candidate["Action"]]
        assert "Condition" not in statement


def test_the_key_policy_delegates_to_iam_and_names_each_action() -> None:
    by_sid = statements(iam.key(PLACE))
    assert set(by_sid) == {"Account"}
    assert by_sid["Account"]["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert not [action for action in by_sid["Account"]["Action"] if "*" in action]
    # KMS takes no policy under which its own policy could never be changed again.
    assert "kms:PutKeyPolicy" in by_sid["Account"]["Action"]


@pytest.mark.parametrize("name", ROLES)
def test_a_document_has_fewer_characters_than_iam_takes_of_a_managed_policy(name: str) -> None:
    # The longest names that the settings take, and twice the parameters of a control plane.
    place = iam.AwsLocation("aws-us-gov", "us-gov-east-1", "123456789012")
    parameters = [place.arn("ssm", f"parameter/switchyard/{'c' * 32}/pki/front-proxy-ca-{n:02}.crt") for n in range(30)]
    longest = {
        "node": iam.node(place, place.arn("kms", "key/" + "0" * 36), parameters),
        "backup": iam.backup(place, place.arn("kms", "key/" + "0" * 36), f"arn:aws-us-gov:s3:::{'b' * 63}"),
        "load balancer controller": iam.load_balancer_controller(
            place, "c" * 32, "vpc-" + "0" * 17, place.arn("wafv2", "regional/webacl/" + "w" * 128 + "/" + "0" * 36)
        ),
    }
    assert len("".join(policy_documents.text(longest[name]).split())) <= iam.POLICY_CHARACTERS


def test_a_document_is_the_same_text_each_time() -> None:
    again = iam.load_balancer_controller(PLACE, "it", "vpc-1", WAF)
    assert policy_documents.text(again) == policy_documents.text(ROLES["load balancer controller"])
    assert json.loads(policy_documents.text(again)) == again


def test_account_and_partition_are_read_from_the_callers_identity() -> None:
    caller = "arn:aws-cn:sts::123456789012:assumed-role/deploy/session:1"
    assert iam.AwsLocation.of(caller, "cn-north-1") == iam.AwsLocation("aws-cn", "cn-north-1", "123456789012")


@pytest.mark.parametrize(
    ("region", "suffix", "via"),
    [
        ("cn-north-1", "amazonaws.com.cn", ["ssm.cn-north-1.amazonaws.com", "ssm.cn-north-1.amazonaws.com.cn"]),
        ("us-gov-west-1", "amazonaws.com", "ssm.us-gov-west-1.amazonaws.com"),
    ],
)
def test_principals_and_services_have_the_domain_of_their_partition(region: str, suffix: str, via: object) -> None:
    [statement] = statements(iam.assume_role(region)).values()
    assert statement["Principal"] == {"Service": f"ec2.{suffix}"}
    assert iam.AwsLocation(partition(region), region, "123456789012").service("ssm") == via
