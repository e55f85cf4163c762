"""The fake providers without an engine."""

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from moto import mock_aws

from devtools.rehearsal.aws.provider import Aws
from devtools.rehearsal.aws.registry import RESOURCE_TYPES
from devtools.rehearsal.engine_home import launcher, make_home
from devtools.rehearsal.provider import RefusedError
from devtools.rehearsal.providers import NO_AWS
from devtools.rehearsal.record import HIDDEN, Record
from devtools.rehearsal.tls.provider import KEY, REQUEST, SELF_SIGNED, SIGNED, Tls
from devtools.rehearsal.values import SECRET, SIGNATURE, UNKNOWN, Values, has_unknown, read, write
from tests.support.accounts import empty_account

VPC = "aws:ec2/vpc:Vpc"
INSTANCE = "aws:ec2/instance:Instance"
PARAMETER = "aws:ssm/parameter:Parameter"
ROLE = "aws:iam/role:Role"


@pytest.fixture
def aws() -> Iterator[Aws]:
    with empty_account():
        yield Aws("ap-northeast-2")


def test_a_secret_stays_a_secret_in_a_fake_provider() -> None:
    struct = write({"value": "s", "name": "n", "size": 3}, {"value"})
    assert struct["value"][SIGNATURE] == SECRET
    assert read(struct) == ({"value": "s", "name": "n", "size": 3}, {"value"})


def test_a_secret_deep_in_a_value_makes_the_whole_value_secret() -> None:
    struct = write({"outer": {"inner": [{SIGNATURE: SECRET, "value": "s"}]}}, set())
    assert read(struct) == ({"outer": {"inner": ["s"]}}, {"outer"})


def test_whole_numbers_stay_integers() -> None:
    values, _ = read(write({"port": 4789, "share": 0.5}, set()))
    assert (type(values["port"]), type(values["share"])) == (int, float)


def test_unknown_values_are_detected_at_any_depth() -> None:
    assert has_unknown({"a": [{"b": UNKNOWN}]})
    assert not has_unknown({"a": [{"b": "known"}]})


def test_a_record_keeps_no_secret(tmp_path: Path) -> None:
    record = Record(tmp_path / "calls.jsonl")
    record.write("create", "urn:pulumi:a::b::c::it", {"value": "s3cret", "name": "n"}, {"value"}, id="1")
    assert record.calls()[0]["inputs"] == {"value": HIDDEN, "name": "n"}
    assert record.names("create") == ["it"]
    assert "s3cret" not in record.file.read_text()


def test_a_name_that_the_provider_gives_is_kept_by_later_checks(aws: Aws) -> None:
    first = aws.defaults(ROLE, "node", {}, {})
    assert first["name"].startswith("node-")
    assert aws.defaults(ROLE, "node", {}, first) == first
    assert aws.defaults(ROLE, "node", {"name": "mine"}, first) == {"name": "mine"}


@pytest.mark.parametrize(
    ("kind", "inputs", "said"),
    [
        (VPC, {"cidrBlock": 7}, "CreateVpc"),
        (INSTANCE, {"instanceType": "t3.small", "userData": "#" * 16385}, "EC2 takes 16384"),
        (INSTANCE, {"vpcSecurityGroupIds": [f"sg-{n}" for n in range(6)]}, "an interface takes 5"),
        (PARAMETER, {"name": "/a", "type": "SecureString", "value": "x" * 4097}, "takes 4096"),
        (PARAMETER, {"name": "/a", "type": "SecureString", "value": "x" * 8193, "tier": "Advanced"}, "takes 8192"),
        (ROLE, {"name": "a"}, "assumeRolePolicy"),
    ],
)
def test_inputs_that_the_api_would_refuse_are_refused_at_preview(
    aws: Aws, kind: str, inputs: Values, said: str
) -> None:
    assert said in " ".join(reason for _, reason in aws.problems(kind, inputs))


def test_a_limit_holds_though_other_inputs_are_not_known_yet(aws: Aws) -> None:
    assert aws.problems(INSTANCE, {"subnetId": UNKNOWN, "userData": "#" * 16385})
    assert not aws.problems(INSTANCE, {"subnetId": UNKNOWN, "userData": "#"})


def test_a_machine_is_replaced_for_its_image_but_not_for_its_size(aws: Aws) -> None:
    replacing = aws.replacing(INSTANCE, {}, {})
    assert replacing is not None
    assert "ami" in replacing
    assert not {"instanceType", "userData", "vpcSecurityGroupIds", "rootBlockDevice"} & replacing
    assert "userData" in (aws.replacing(INSTANCE, {}, {"userDataReplaceOnChange": True}) or set())
    encrypted = {"rootBlockDevice": {"encrypted": True}}
    assert "rootBlockDevice" in (aws.replacing(INSTANCE, {"rootBlockDevice": {}}, encrypted) or set())


def test_a_protected_machine_is_not_deleted(aws: Aws) -> None:
    with pytest.raises(RefusedError, match="protected from termination"):
        aws.delete(INSTANCE, "i-1", {"disableApiTermination": True})


def test_what_is_not_in_the_table_is_named_as_unchecked(aws: Aws) -> None:
    kind = "aws:backup/vault:Vault"
    assert aws.problems(kind, {}) == []
    assert aws.create(kind, {}).by == "fake"
    assert aws.unchecked == {kind}


def test_a_vpc_is_created_with_its_default_resources(aws: Aws) -> None:
    vpc = aws.create(VPC, {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True, "tags": {"Name": "it"}})
    assert vpc.by == "moto"
    assert vpc.outputs["defaultSecurityGroupId"].startswith("sg-")
    assert vpc.outputs["arn"] == f"arn:aws:ec2:ap-northeast-2:123456789012:vpc/{vpc.id}"
    assert vpc.outputs["tagsAll"] == {"Name": "it"}
    assert aws.delete(VPC, vpc.id, {}) == "moto"


def test_moto_is_reached_where_the_program_cannot_reach_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_AWS.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        assert Aws("ap-northeast-2").instances() == []


def test_a_name_that_is_taken_is_refused_by_moto(aws: Aws) -> None:
    inputs = {"name": "node", "assumeRolePolicy": '{"Version": "2012-10-17", "Statement": []}'}
    aws.create(ROLE, inputs)
    with pytest.raises(RefusedError, match="EntityAlreadyExists"):
        aws.create(ROLE, inputs)


def test_every_type_of_the_table_exists_in_the_package_and_can_be_created() -> None:
    assert all(kind.startswith("aws:") and kind.count(":") == 2 for kind in RESOURCE_TYPES)


@pytest.mark.parametrize(
    "key", [{"algorithm": "RSA"}, {"algorithm": "ECDSA", "ecdsaCurve": "P256"}, {"algorithm": "ED25519"}]
)
def test_a_chain_of_certificates_holds(key: Values) -> None:
    tls = Tls()
    pem = tls.create(KEY, tls.defaults(KEY, "key", key, {})).outputs["privateKeyPem"]
    subject = {"commonName": "kubernetes"}
    authority = tls.create(
        SELF_SIGNED,
        {
            "privateKeyPem": pem,
            "subject": subject,
            "isCaCertificate": True,
            "setSubjectKeyId": True,
            "allowedUses": ["cert_signing"],
            "validityPeriodHours": 48,
        },
    ).outputs["certPem"]
    names = {"dnsNames": ["api.example.org"], "ipAddresses": ["10.0.1.10"]}
    request = tls.create(REQUEST, {"privateKeyPem": pem, "subject": {"commonName": "api"}, **names})
    certificate = tls.create(
        SIGNED,
        {
            "caCertPem": authority,
            "caPrivateKeyPem": pem,
            "certRequestPem": request.outputs["certRequestPem"],
            "allowedUses": ["server_auth", "digital_signature"],
            "validityPeriodHours": 24,
        },
    )
    signed = x509.load_pem_x509_certificate(certificate.outputs["certPem"].encode())
    signed.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    alternative = signed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert alternative.get_values_for_type(x509.DNSName) == ["api.example.org"]
    assert (signed.not_valid_after_utc - signed.not_valid_before_utc).total_seconds() == 24 * 3600


def test_a_certificate_is_due_within_its_early_renewal_alone_which_is_changed_in_place() -> None:
    tls = Tls()
    pem = tls.create(KEY, {"algorithm": "ED25519"}).outputs["privateKeyPem"]
    inputs = {"privateKeyPem": pem, "isCaCertificate": True, "allowedUses": ["cert_signing"], "validityPeriodHours": 48}
    state = inputs | tls.create(SELF_SIGNED, inputs).outputs
    early = inputs | {"earlyRenewalHours": 24}
    assert "earlyRenewalHours" not in (tls.replacing(SELF_SIGNED, inputs, early) or ())
    assert "validityPeriodHours" in (tls.replacing(SELF_SIGNED, inputs, inputs) or ())
    assert tls.update(SELF_SIGNED, "1", state, early).outputs == {}
    assert tls.outdated(SELF_SIGNED, state, early) == set()
    later = Tls(now=lambda: datetime.now(UTC) + timedelta(hours=25))
    assert later.outdated(SELF_SIGNED, state, inputs) == set()
    assert later.outdated(SELF_SIGNED, state, early) == {"readyForRenewal"}
    ended = Tls(now=lambda: datetime.now(UTC) + timedelta(hours=49))
    assert ended.outdated(SELF_SIGNED, state, inputs) == {"readyForRenewal"}
    assert tls.outdated(KEY, {}, {}) == set()


def test_a_certificate_is_not_signed_with_somebody_elses_key() -> None:
    tls = Tls()
    mine, other = (tls.create(KEY, {"algorithm": "ED25519"}).outputs["privateKeyPem"] for _ in range(2))
    ca = {"privateKeyPem": mine, "isCaCertificate": True, "allowedUses": ["cert_signing"], "validityPeriodHours": 1}
    request = tls.create(REQUEST, {"privateKeyPem": other, "subject": {"commonName": "a"}}).outputs["certRequestPem"]
    with pytest.raises(RefusedError, match="is not the key of"):
        tls.create(
            SIGNED,
            {
                "caCertPem": tls.create(SELF_SIGNED, ca).outputs["certPem"],
                "caPrivateKeyPem": other,
                "certRequestPem": request,
                "allowedUses": [],
                "validityPeriodHours": 1,
            },
        )


def test_a_subject_has_one_order_whatever_order_it_comes_in() -> None:
    tls = Tls()
    pem = tls.create(KEY, {"algorithm": "ED25519"}).outputs["privateKeyPem"]
    given = [("organization", "kubeadm:cluster-admins"), ("commonName", "admin")]
    for subject in (dict(given), dict(reversed(given))):
        request_pem = tls.create(REQUEST, {"privateKeyPem": pem, "subject": subject}).outputs["certRequestPem"]
        name = x509.load_pem_x509_csr(request_pem.encode()).subject
        assert name.rfc4514_string() == "CN=admin,O=kubeadm:cluster-admins"


def test_a_use_that_does_not_exist_is_refused() -> None:
    assert Tls().problems(SIGNED, {"allowedUses": ["client_auth", "cilent_auth"]}) == [
        ("allowedUses", "cilent_auth is no use of a key")
    ]


def test_a_plugin_without_a_running_fake_says_so(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(launcher("aws"))
    environment = {"PATH": os.environ["PATH"]}
    result = subprocess.run(["sh", str(plugin)], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "aws is a fake provider here" in result.stderr


def test_the_home_links_to_the_other_plugins_and_changes_nothing_there(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "plugins" / "resource-kubernetes-v4.25.0").mkdir(parents=True)
    (source / "plugins" / "resource-kubernetes-v4.25.0" / "pulumi-resource-kubernetes").touch()
    make_home(tmp_path / "home", {"aws": "7.51.1"}, source)
    plugins = tmp_path / "home" / "plugins"
    assert (plugins / "resource-kubernetes-v4.25.0" / "pulumi-resource-kubernetes").is_symlink()
    assert os.access(plugins / "resource-aws-v7.51.1" / "pulumi-resource-aws", os.X_OK)
    assert [plugin.name for plugin in (source / "plugins").iterdir()] == ["resource-kubernetes-v4.25.0"]
