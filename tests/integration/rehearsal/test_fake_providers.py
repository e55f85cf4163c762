"""The fake providers in the real engine: what an update, a preview and a destroy do, and what is written down."""

import time
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import pytest
from cryptography import x509

from components.cluster.snapshots import LIST
from devtools.rehearsal.providers import AWS_NOTICE, TLS_NOTICE, FakeProviders
from tests.integration.rehearsal.conftest import SmallStack as Stack

INSTANCE = "aws:ec2/instance:Instance"
SLOW_SECONDS = 10.0
WAIT_SECONDS = 120.0


def exported(stack: Stack) -> dict[str, set[str]]:
    """What each resource of the state waits for, by name, the providers left out."""
    by_name = {}
    for resource in stack.state():
        if resource["type"].startswith(("aws:", "tls:")):
            dependencies = resource.get("dependencies", [])
            by_name[resource["urn"].rpartition("::")[2]] = {urn.rpartition("::")[2] for urn in dependencies}
    return by_name


def test_an_update_from_nothing_builds_everything_and_a_second_preview_is_empty(
    aws: FakeProviders, stack: Stack
) -> None:
    result = stack.up()
    assert result.ok, result.output
    assert AWS_NOTICE in result.output
    assert TLS_NOTICE in result.output
    assert len(aws.aws.instances()) == 1
    assert not aws.aws.unchecked
    assert {call["by"] for call in aws.record.calls("create")} == {"moto", "cryptography"}
    created = aws.record.names("create")
    for name, dependencies in exported(stack).items():
        assert all(created.index(dependency) < created.index(name) for dependency in dependencies)
    assert stack.planned() == {}
    assert AWS_NOTICE in stack.preview().output


def test_a_preview_shows_the_property_that_changes_and_what_is_replaced(built: Stack, aws: FakeProviders) -> None:
    built.replace("rehearsed:port", 4790)
    preview = built.preview()
    assert "toPort: 4789 => 4790" in " ".join(preview.output.split())
    assert built.planned() == {"rule": "update"}
    built.replace("rehearsed:cidr", "10.1.0.0/16")
    assert {"create-replacement", "replace"} & {built.planned()["vpc"]}
    assert aws.record.calls("update", "delete") == []


def test_a_change_of_the_size_is_one_update_in_place(built: Stack, aws: FakeProviders) -> None:
    built.replace("rehearsed:size", "t3.large")
    assert built.planned() == {"machine": "update"}
    before = len(aws.record.calls("create"))
    assert built.up().ok
    assert aws.record.names("update") == ["machine"]
    assert len(aws.record.calls("create")) == before
    assert built.planned() == {}


def test_an_added_resource_is_the_only_one_that_is_created(built: Stack, aws: FakeProviders) -> None:
    before = aws.record.names("create")
    built.replace("rehearsed:more", 1)
    assert built.up().ok
    assert aws.record.names("create") == [*before, "more-0"]
    assert aws.record.calls("update", "delete") == []
    assert built.planned() == {}


def test_an_image_that_moved_and_user_data_that_changed_do_nothing_where_they_are_ignored(
    built: Stack, aws: FakeProviders
) -> None:
    aws.aws.image = "ami-00000000000000001"
    built.replace("rehearsed:userData", "#!/bin/sh\n# another\n")
    assert built.planned() == {}


def test_user_data_that_is_too_long_is_refused_at_preview_and_nothing_is_created(
    stack: Stack, aws: FakeProviders
) -> None:
    stack.replace("rehearsed:userData", "#" * 16385)
    preview = stack.preview()
    assert not preview.ok
    assert "has 16385 bytes, EC2 takes 16384" in preview.output
    assert aws.record.calls("create") == []


def test_snapshots_that_are_not_taken_any_more_are_reported_and_stop_nothing(stack: Stack, aws: FakeProviders) -> None:
    stack.replace("rehearsed:snapshots", "backups")
    preview = stack.preview()
    assert preview.ok, preview.output
    assert "whether bucket backups has a recent snapshot of etcd is not known" in preview.output
    s3 = boto3.client("s3", region_name="ap-northeast-2")
    s3.create_bucket(Bucket="backups", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    for key in ("20260131T114500Z/etcd.db", "20260131T120000Z/pki.tar.gz"):
        s3.put_object(Bucket="backups", Key=f"snapshots/{key}", Body=b"it")
    assert "bucket backups has no snapshot of etcd since 2026-01-31T12:00:00Z" in stack.preview().output
    s3.put_object(Bucket="backups", Key="snapshots/20260131T120000Z/etcd.db", Body=b"it")
    assert "(SY-E009)" not in stack.preview().output
    assert [call["urn"] for call in aws.record.calls("invoke")].count(LIST) == 2


def test_a_new_node_of_a_type_that_aws_does_not_have_in_its_zone_is_refused_at_preview(
    stack: Stack, aws: FakeProviders
) -> None:
    stack.replace("rehearsed:worker", "t3a.medium")
    preview = stack.preview()
    assert not preview.ok
    assert "k8s-worker-1.type: 't3a.medium': AWS has no such instances in ap-northeast-2b" in preview.output
    assert "k8s-worker-1.zone' ap-northeast-2a" in preview.output
    assert aws.record.calls("create") == []
    stack.replace("rehearsed:existing", "k8s-worker-1")
    preview = stack.preview()
    assert preview.ok, preview.output
    assert "AWS has no such instances in ap-northeast-2b, so that a replacement would fail (SY-E005)" in preview.output
    stack.replace("rehearsed:worker", "t3.medium")
    assert "AWS has no such instances" not in stack.preview().output


def test_more_vcpus_than_the_account_may_run_are_reported(stack: Stack) -> None:
    stack.replace("rehearsed:worker", "m5.12xlarge")
    preview = stack.preview()
    assert preview.ok, preview.output
    assert "the nodes have 48 vCPU, and the account may run 32 in ap-northeast-2" in preview.output


def test_a_destroy_deletes_in_reverse_order_and_leaves_nothing(built: Stack, aws: FakeProviders) -> None:
    dependencies = exported(built)
    result = built.destroy()
    assert result.ok, result.output
    assert AWS_NOTICE in result.output
    deleted = aws.record.names("delete")
    assert sorted(deleted) == sorted(dependencies)
    for name, needed in dependencies.items():
        assert all(deleted.index(name) < deleted.index(other) for other in needed)
    assert aws.aws.instances() == []


def test_no_secret_is_in_plain_in_the_state_or_in_the_record(built: Stack, aws: FakeProviders) -> None:
    shown = built.run("stack", "output", "privateKey", "--show-secrets", check=True).output
    assert "PRIVATE KEY" in shown
    secret = shown.splitlines()[1]
    files = [*(built.directory / "state").rglob("*.json"), aws.record.file]
    assert len(files) > 1
    for file in files:
        assert secret not in file.read_text()
        assert "PRIVATE KEY" not in file.read_text()


def test_the_certificates_are_real(built: Stack) -> None:
    signed = x509.load_pem_x509_certificate(built.outputs()["certificate"].encode())
    authority = next(
        resource["outputs"]["certPem"] for resource in built.state() if resource["urn"].endswith("::authority")
    )
    signed.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    assert signed.subject.rfc4514_string() == "CN=admin,O=kubeadm:cluster-admins"


@pytest.mark.parametrize("refreshed", [False, True], ids=["taken up at once", "after a refresh"])
def test_an_update_that_was_killed_is_resumed(stack: Stack, aws: FakeProviders, refreshed: bool) -> None:
    """The call in progress ends at AWS nevertheless: the engine has no record of that instance."""
    aws.delays[INSTANCE] = SLOW_SECONDS
    engine = stack.start("up", "--yes", "--skip-preview")
    wait_for(aws, "begin")
    assert engine.poll() is None, "it had ended already"
    stack.kill(engine)
    assert engine.returncode == -9
    wait_for(aws, "machine")
    aws.delays.clear()

    blocked = stack.up()
    assert not blocked.ok
    assert "pulumi cancel" in blocked.output
    assert stack.run("cancel", "--yes").ok
    if refreshed:
        assert stack.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates").ok
    before = aws.record.names("create")
    result = stack.up()
    assert result.ok, result.output
    assert AWS_NOTICE in result.output
    assert aws.record.names("create") == [*before, "machine"]
    assert ("pending operations" in result.output) is not refreshed
    assert stack.planned() == {}
    # As it would be at AWS: the machine of the killed update runs on until somebody ends it by hand.
    assert len(aws.aws.instances()) == 2


def wait_for(aws: FakeProviders, what: str) -> None:
    """Waits until a call has begun, or until a resource is made."""
    deadline = time.monotonic() + WAIT_SECONDS
    while what not in [*(call["operation"] for call in aws.record.calls()), *aws.record.names("create")]:
        assert time.monotonic() < deadline, f"{what} was never seen"
        time.sleep(0.05)


def test_the_projects_pulumi_home_has_no_fake_provider(aws: FakeProviders) -> None:
    home = Path(aws.environment["PULUMI_HOME"])
    assert {plugin.name for plugin in (home / "plugins").glob("resource-aws-*")} >= {"resource-aws-v7.51.1"}
    kept = {plugin.name for plugin in (home / "plugins").iterdir() if plugin.is_symlink()}
    assert not any("aws" in name or "tls" in name for name in kept)


def test_a_certificate_is_replaced_within_its_early_renewal_and_a_certificate_authority_is_not(built: Stack) -> None:
    before = certificates(built)
    built.replace("rehearsed:renewal", 1)
    assert built.planned() == {"signed": "update"}
    assert built.up().ok
    assert certificates(built) == before
    built.replace("rehearsed:renewal", 24)
    assert {"create-replacement", "replace"} & {built.planned()["signed"]}
    result = built.up()
    assert result.ok, result.output
    after = certificates(built)
    assert after["signed"] != before["signed"]
    assert after["authority"] == before["authority"]
    assert "authority" not in built.planned()


def certificates(stack: Stack) -> dict[str, str]:
    """The serial numbers of the certificates in the state, by name."""
    return {
        resource["urn"].rpartition("::")[2]: resource["id"]
        for resource in stack.state()
        if resource["type"].endswith("Cert") and "Request" not in resource["type"]
    }
