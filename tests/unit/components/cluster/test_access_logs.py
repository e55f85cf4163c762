"""The bucket for access logs, as it is registered on mocks and as it is created in moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto import mock_aws

from components.cluster.access_logs import UNDELETE_DAYS, AccessLogs
from components.cluster.load_balancer import AlbIngress
from components.cluster.load_balancer_routes import Routes
from devtools.rehearsal.aws.provider import Aws
from devtools.rehearsal.values import read
from switchyard.aws import bucket_policies
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings
from tests.support import engine
from tests.support.engine import Recording, record
from tests.support.machines import ACCOUNT, cluster, inputs, only

NAME = "production-logs"
ARN = f"arn:aws:s3:::{NAME}"
BUCKET = "aws:s3/bucket:Bucket"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
OWNER = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
SERVICE = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1", "replicas": 3}, "nodePort": 30080}


def balanced(**load_balancer: Any) -> Ec2Cluster:
    return cluster(loadBalancer={"routes": [{"service": "backend"}]} | load_balancer)


def built(monkeypatch: pytest.MonkeyPatch, settings: Ec2Cluster | None = None, *, production: bool = True) -> Recording:
    """Registers the bucket, and a load balancer that writes to it."""
    settings = settings or balanced()
    plain = engine.Answers.new_resource

    def new_resource(self: engine.Answers, args: Any) -> tuple[str | None, dict[Any, Any]]:
        id_, outputs = plain(self, args)
        # The bucket's settings and its policy name it by its id.
        return (NAME if args.typ == BUCKET else id_), {"arn": ARN, "bucket": NAME, **outputs}

    def call(self: engine.Answers, args: Any) -> dict[Any, Any]:
        assert args.token == "aws:index/getCallerIdentity:getCallerIdentity"
        return {"arn": f"arn:aws:iam::{ACCOUNT}:user/it", "accountId": ACCOUNT}

    def run() -> None:
        logs = AccessLogs("it", cluster=settings, production=production)
        services = {"backend": BlueGreenSettings.model_validate(SERVICE)}
        balancer = AlbIngress(
            "alb",
            cluster=settings,
            services=services,
            production=production,
            security_group_id="sg-1",
            access_log_bucket=logs.bucket,
        )
        Routes(balancer, settings, services).register_remaining()

    monkeypatch.setattr(engine.Answers, "new_resource", new_resource)
    monkeypatch.setattr(engine.Answers, "call", call)
    return record(monkeypatch, run)


@pytest.fixture(scope="module")
def recording() -> Iterator[Recording]:
    with pytest.MonkeyPatch.context() as patch:
        yield built(patch)


def test_the_delivery_of_load_balancers_may_write_to_the_bucket(recording: Recording) -> None:
    assert json.loads(only(recording, POLICY)["policy"]) == bucket_policies.access_logs(ACCOUNT, ARN, "alb")
    annotations = inputs(recording, INGRESS, "alb.group")["metadata"]["annotations"]
    said = dict(
        pair.split("=") for pair in annotations["alb.ingress.kubernetes.io/load-balancer-attributes"].split(",")
    )
    assert said["access_logs.s3.enabled"] == "true"
    assert (said["access_logs.s3.bucket"], said["access_logs.s3.prefix"]) == (NAME, "alb")


def test_a_load_balancer_is_configured_after_the_bucket_policy_allows_delivery(recording: Recording) -> None:
    assert {"it-bucket", "it-bucket-tls"} <= recording.dependencies(INGRESS, "alb.group")
    assert "it-bucket-private" in recording.dependencies(POLICY, "it-bucket-tls")


def test_the_bucket_is_encrypted_with_the_only_keys_that_log_delivery_supports(recording: Recording) -> None:
    [rule] = only(recording, ENCRYPTION)["rules"]
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}


def test_the_bucket_is_versioned_private_tagged_and_owns_what_is_in_it(recording: Recording) -> None:
    versions = only(recording, "aws:s3/bucketVersioning:BucketVersioning")
    assert versions["versioningConfiguration"] == {"status": "Enabled"}
    private = only(recording, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert [value for key, value in private.items() if key != "bucket"] == [True] * 4
    assert only(recording, OWNER)["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert only(recording, BUCKET)["tags"] == {"team": "web", "Name": "it-access-logs"}


@pytest.mark.parametrize(("settings", "days"), [(balanced(), 90), (balanced(accessLogDays=400), 400)])
def test_a_log_is_deleted_after_the_configured_days_and_its_versions_a_week_later(
    monkeypatch: pytest.MonkeyPatch, settings: Ec2Cluster, days: int
) -> None:
    rules = only(built(monkeypatch, settings), LIFECYCLE)["rules"]
    keep, markers, uploads = rules
    assert keep["expiration"] == {"days": days}
    assert keep["noncurrentVersionExpiration"] == {"noncurrentDays": UNDELETE_DAYS}
    assert markers["expiration"] == {"expiredObjectDeleteMarker": True}
    assert keep["filter"] == markers["filter"] == {"prefix": "alb/"}
    assert (uploads["filter"], uploads["abortIncompleteMultipartUpload"]) == ({}, {"daysAfterInitiation": 1})
    assert {rule["status"] for rule in rules} == {"Enabled"}


@pytest.mark.parametrize("production", [True, False])
def test_logs_are_retained_in_production_only(monkeypatch: pytest.MonkeyPatch, *, production: bool) -> None:
    recording = built(monkeypatch, production=production)
    kept = {type_ for (type_, _), request in recording.requests.items() if request.retainOnDelete}
    assert kept == ({type_ for type_, _ in recording.requests if type_.startswith("aws:s3/")} if production else set())
    assert only(recording, BUCKET)["forceDestroy"] is not production


def test_the_component_registers_its_output_and_refuses_a_cluster_without_a_load_balancer(
    monkeypatch: pytest.MonkeyPatch, recording: Recording
) -> None:
    assert recording.outputs["it"] == ["bucket"]
    with pytest.raises(ValueError, match="no load balancer"):
        record(monkeypatch, lambda: AccessLogs("it", cluster=cluster(), production=True))


def test_calls_match_botocores_model_and_moto_has_the_resources(
    monkeypatch: pytest.MonkeyPatch, recording: Recording
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        aws = Aws("ap-northeast-2")
        for (type_, _), request in recording.requests.items():
            if type_.startswith("aws:s3/"):
                given = read(request.object)[0] | ({"bucket": NAME} if type_ == BUCKET else {})
                assert aws.problems(type_, given) == []
                assert aws.create(type_, given).by == "moto"
        assert not aws.unchecked
        s3 = boto3.client("s3", region_name="ap-northeast-2")
        assert json.loads(s3.get_bucket_policy(Bucket=NAME)["Policy"])["Statement"][0]["Sid"] == "Delivery"
        [owner] = s3.get_bucket_ownership_controls(Bucket=NAME)["OwnershipControls"]["Rules"]
        assert owner == {"ObjectOwnership": "BucketOwnerEnforced"}
        [rule] = s3.get_bucket_encryption(Bucket=NAME)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        keep, *_ = s3.get_bucket_lifecycle_configuration(Bucket=NAME)["Rules"]
        assert (keep["Filter"], keep["Expiration"]["Days"]) == ({"Prefix": "alb/"}, 90)
        assert all(s3.get_public_access_block(Bucket=NAME)["PublicAccessBlockConfiguration"].values())
