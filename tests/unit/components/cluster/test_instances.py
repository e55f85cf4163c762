"""The machines, their roles, the key, the parameters and the bucket, as they are registered on mocks."""

import json
from collections.abc import Iterator

import pulumi
import pytest

from components.cluster.instances import PINNED, ApiEndpoint, ClusterMachines
from components.cluster.storage import fits
from switchyard.aws import bucket_policies, iam
from switchyard.bootstrap import cloud_init
from switchyard.config.models.nodes import DEFAULT_NODES, Role
from tests.support.engine import Recording
from tests.support.machines import ACCOUNT, INSTANCE, KEYS, PARAMETER, POLICY, TABLE, built, cluster, inputs, only

SECRET = "4dabf18193072939515e22adb298388d"
CONTROL_PLANE = "k8s-master"


@pytest.fixture(scope="module")
def recording() -> Iterator[Recording]:
    with pytest.MonkeyPatch.context() as patch:
        yield built(patch)


def test_instances_are_exactly_those_of_the_node_table(recording: Recording) -> None:
    assert recording.names(INSTANCE) == {f"it-{node}" for node in TABLE}


@pytest.mark.parametrize("node", TABLE)
def test_an_instance_has_the_type_zone_disk_and_role_of_its_row(recording: Recording, node: str) -> None:
    type_, zone, disk, role = TABLE[node]
    instance = inputs(recording, INSTANCE, f"it-{node}")
    assert (instance["instanceType"], instance["availabilityZone"], instance["subnetId"]) == (
        type_,
        zone,
        f"subnet-{zone}",
    )
    assert instance["rootBlockDevice"]["volumeSize"] == disk
    assert instance["iamInstanceProfile"] == f"it-{role.value}-profile"
    groups = ["sg-nodes", "sg-control-plane"] if role is Role.CONTROL_PLANE else ["sg-nodes"]
    assert instance["vpcSecurityGroupIds"] == groups
    assert instance["userData"] == f"#cloud-config of {node}"
    assert instance["creditSpecification"] == {"cpuCredits": "unlimited"}


@pytest.mark.parametrize("node", TABLE)
def test_every_instance_is_private_encrypted_monitored_and_protected(recording: Recording, node: str) -> None:
    instance = inputs(recording, INSTANCE, f"it-{node}")
    metadata = instance["metadataOptions"]
    assert (metadata["httpTokens"], metadata["httpPutResponseHopLimit"]) == ("required", 1)
    disk = instance["rootBlockDevice"]
    assert (disk["volumeType"], disk["encrypted"], disk["deleteOnTermination"]) == ("gp3", True, True)
    assert disk["kmsKeyId"].endswith(":store-key")
    assert instance["monitoring"] is True
    assert instance["disableApiTermination"] is True
    assert instance["sourceDestCheck"] is True
    assert "keyName" not in instance


@pytest.mark.parametrize("node", TABLE)
def test_a_machine_is_tagged_with_its_name_the_cluster_and_the_settings_tags(recording: Recording, node: str) -> None:
    instance = inputs(recording, INSTANCE, f"it-{node}")
    own = {"team": "web", "Name": f"it-{node}"}
    assert instance["tags"] == {**own, "kubernetes.io/cluster/it": "owned"}
    # Not of all its volumes: among these may be some of others later.
    assert instance["rootBlockDevice"]["tags"] == own
    assert "volumeTags" not in instance


@pytest.mark.parametrize("node", TABLE)
def test_a_new_image_type_zone_or_user_data_never_replaces_or_stops_a_machine(recording: Recording, node: str) -> None:
    request = recording.requests[INSTANCE, f"it-{node}"]
    assert list(request.ignoreChanges) == PINNED
    assert {"ami", "instanceType", "availabilityZone", "subnetId", "userData", "userDataBase64"} <= set(PINNED)
    # It follows from the type.
    assert "ebsOptimized" in PINNED
    assert request.object["userDataReplaceOnChange"] is False


def test_a_machine_is_deleted_before_its_successor_has_its_name(recording: Recording) -> None:
    for node in TABLE:
        request = recording.requests[INSTANCE, f"it-{node}"]
        assert request.deleteBeforeReplace
        assert request.deleteBeforeReplaceDefined


@pytest.mark.parametrize("node", TABLE)
def test_a_machine_waits_for_its_policies_and_its_secrets(recording: Recording, node: str) -> None:
    role = TABLE[node][3]
    dependencies = recording.dependencies(INSTANCE, f"it-{node}")
    purposes = {Role.CONTROL_PLANE: ("node", "backup"), Role.WORKER: ("node", "load-balancer")}[role]
    assert {f"it-{role.value}-{purpose}" for purpose in purposes} <= dependencies
    assert {f"store-{key.replace('/', '-')}" for key in KEYS} <= dependencies
    assert {"store-key", "store-backups", f"it-{role.value}-profile"} <= dependencies


def test_credits_are_for_burstable_types_only(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = {name: node.model_dump(exclude_none=True) for name, node in DEFAULT_NODES.items()}
    nodes["k8s-worker-1"]["type"] = "m5.large"
    settings = cluster(nodes=nodes, machines={"credits": "standard"})
    recording = built(monkeypatch, settings)
    assert "creditSpecification" not in inputs(recording, INSTANCE, "it-k8s-worker-1")
    assert inputs(recording, INSTANCE, "it-k8s-worker-2")["creditSpecification"] == {"cpuCredits": "standard"}


@pytest.mark.parametrize(
    ("production", "setting", "protected"),
    [(True, None, True), (False, None, False), (True, False, False), (False, True, True)],
)
def test_termination_protection_is_as_configured_and_on_in_production_by_default(
    monkeypatch: pytest.MonkeyPatch, *, production: bool, setting: bool | None, protected: bool
) -> None:
    settings = cluster(machines={"terminationProtection": setting})
    recording = built(monkeypatch, settings, production=production)
    assert {inputs(recording, INSTANCE, f"it-{n}")["disableApiTermination"] for n in TABLE} == {protected}


def test_the_image_is_canonicals_newest_unless_configured_and_is_not_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newest = built(monkeypatch)
    assert {inputs(newest, INSTANCE, f"it-{node}")["ami"] for node in TABLE} == {"ami-0123456789abcdef0"}
    named = built(monkeypatch, cluster(machines={"ami": "ami-0aaaaaaaaaaaaaaaa"}))
    assert {inputs(named, INSTANCE, f"it-{node}")["ami"] for node in TABLE} == {"ami-0aaaaaaaaaaaaaaaa"}


@pytest.mark.parametrize(("hostname", "host"), [(None, "203.0.113.7"), ("api.example.org", "api.example.org")])
def test_the_endpoint_is_the_hostname_or_the_elastic_ip_of_the_control_plane(
    monkeypatch: pytest.MonkeyPatch, hostname: str | None, host: str
) -> None:
    shown: list[str] = []

    def show(machines: ClusterMachines, endpoint: ApiEndpoint) -> None:
        machines.endpoint.apply(shown.append)
        endpoint.host.apply(shown.append)

    recording = built(monkeypatch, cluster(hostname=hostname), then=show)
    assert shown == [host, host]
    association = only(recording, "aws:ec2/eipAssociation:EipAssociation")
    assert association == {"allocationId": "eipalloc-1", "instanceId": f"it-{CONTROL_PLANE}-id"}


def test_each_component_registers_its_outputs(recording: Recording) -> None:
    assert recording.outputs["it"] == ["endpoint", "instance_ids"]
    assert recording.outputs["api"] == ["allocation_id", "host", "public_ip"]
    assert recording.outputs["store"] == ["bucket", "bucket_arn", "key_arn", "parameter_arns"]


@pytest.mark.parametrize("role", Role)
def test_a_role_reads_its_own_secrets_and_no_other(recording: Recording, role: Role) -> None:
    document = json.loads(inputs(recording, POLICY, f"it-{role.value}-node")["policy"])
    [secrets] = [statement for statement in document["Statement"] if statement["Sid"] == "Secrets"]
    keys = KEYS if role is Role.CONTROL_PLANE else cloud_init.JOIN_PARAMETERS
    assert {arn.rpartition(":")[2] for arn in secrets["Resource"]} == {f"store-{k.replace('/', '-')}" for k in keys}


def test_the_control_plane_backs_up_and_the_workers_balance_load(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = built(monkeypatch)
    both = {"it-controlPlane-node", "it-controlPlane-backup", "it-worker-node"}
    assert recording.names(POLICY) == {*both, "it-worker-load-balancer"}
    assert recording.names("aws:iam/rolePolicyAttachment:RolePolicyAttachment") == recording.names(POLICY)
    for role in Role:
        trust = inputs(recording, "aws:iam/role:Role", f"it-{role.value}-role")["assumeRolePolicy"]
        assert json.loads(trust) == iam.assume_role("ap-northeast-2")
    without = built(monkeypatch, cluster(loadBalancerController=None))
    assert without.names(POLICY) == both


def test_each_secret_is_an_encrypted_parameter_and_secret_in_the_request(recording: Recording) -> None:
    assert recording.names(PARAMETER) == {f"store-{key.replace('/', '-')}" for key in KEYS}
    for key in KEYS:
        parameter = inputs(recording, PARAMETER, f"store-{key.replace('/', '-')}")
        assert parameter["name"] == f"/switchyard/it/{key}"
        assert (parameter["type"], parameter["tier"]) == ("SecureString", "Standard")
        assert parameter["keyId"].endswith(":store-key")
        assert set(parameter["value"]) == {SECRET, "value"}
        assert parameter["value"]["value"] == f"text of {key}"


def test_no_secret_is_in_any_other_request(recording: Recording) -> None:
    others = [str(request) for (type_, _), request in recording.requests.items() if type_ != PARAMETER]
    assert not [request for request in others if "text of " in request]


def test_a_secret_that_no_parameter_holds_ends_the_update_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fits("/switchyard/it/x", "k" * 4096) == "k" * 4096
    long = {key: "k" * 4097 if key == "pki/ca.key" else "text" for key in KEYS}
    with pytest.raises(pulumi.RunError, match=r"/switchyard/it/pki/ca\.key: 4097 bytes.* 4096") as raised:
        built(monkeypatch, secrets=long)
    assert "kkk" not in str(raised.value)


def test_the_key_rotates_and_has_a_policy_of_the_account(recording: Recording) -> None:
    key = only(recording, "aws:kms/key:Key")
    assert (key["enableKeyRotation"], key["deletionWindowInDays"]) == (True, 30)
    assert json.loads(key["policy"]) == iam.key(iam.AwsLocation("aws", "ap-northeast-2", ACCOUNT))


def test_the_bucket_is_versioned_encrypted_private_and_reached_by_tls_only(recording: Recording) -> None:
    versions = only(recording, "aws:s3/bucketVersioning:BucketVersioning")
    assert versions["versioningConfiguration"] == {"status": "Enabled"}
    type_ = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    [rule] = only(recording, type_)["rules"]
    default = rule["applyServerSideEncryptionByDefault"]
    assert default["sseAlgorithm"] == "aws:kms"
    assert default["kmsMasterKeyId"].endswith(":store-key")
    private = only(recording, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert [value for key, value in private.items() if key != "bucket"] == [True] * 4
    policy = only(recording, "aws:s3/bucketPolicy:BucketPolicy")["policy"]
    assert json.loads(policy) == bucket_policies.backups(f"arn:aws:x:ap-northeast-2:{ACCOUNT}:store-backups")


def test_a_backup_is_kept_as_long_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = built(monkeypatch, cluster(backup={"keepDays": 21}))
    rules = only(recording, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")["rules"]
    keep, markers, uploads = rules
    assert (keep["expiration"], keep["noncurrentVersionExpiration"]) == ({"days": 21}, {"noncurrentDays": 21})
    assert {rule["status"] for rule in rules} == {"Enabled"}
    assert keep["filter"] == markers["filter"] == {"prefix": cloud_init.SNAPSHOTS}
    assert (uploads["filter"], uploads["abortIncompleteMultipartUpload"]) == ({}, {"daysAfterInitiation": 1})
    assert markers["expiration"] == {"expiredObjectDeleteMarker": True}


@pytest.mark.parametrize("production", [True, False])
def test_backups_and_their_key_are_retained_in_production_only(
    monkeypatch: pytest.MonkeyPatch, *, production: bool
) -> None:
    recording = built(monkeypatch, production=production)
    kept = {type_ for (type_, _), request in recording.requests.items() if request.retainOnDelete}
    expected = {type_ for type_, _ in recording.requests if type_.startswith("aws:s3/")} | {"aws:kms/key:Key"}
    assert kept == (expected if production else set())
    assert only(recording, "aws:s3/bucket:Bucket")["forceDestroy"] is not production
