"""What the machines register, as calls of AWS's API: validated by its own model, and run against moto.

moto replaces AWS. It looks at no policy: whoever asks may do everything. What it lets pass that AWS refuses is in
GAPS, each tried.
"""

from collections.abc import Callable, Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import botocore.session  # type: ignore[import-untyped]
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator  # type: ignore[import-untyped]

from switchyard.aws import iam, policy_documents
from switchyard.bootstrap import cloud_init
from tests.support.accounts import empty_account
from tests.support.engine import Recording
from tests.support.machine_calls import REGION, all_calls
from tests.support.machines import ACCOUNT, KEYS, TABLE, ZONES, built

IMAGE = "ami-0123456789abcdef0"
"""Any will do: moto looks at no image."""


@pytest.fixture(scope="module")
def recording() -> Iterator[Recording]:
    with pytest.MonkeyPatch.context() as patch:
        yield built(patch)


def test_every_input_is_in_a_call_that_matches_botocores_model(recording: Recording) -> None:
    session = botocore.session.get_session()
    operations = set()
    for name, (service, operation, parameters) in all_calls(recording):
        shape = session.get_service_model(service).operation_model(operation).input_shape
        report = ParamValidator().validate(parameters, shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"
        operations.add(operation)
    assert {"RunInstances", "CreateRole", "CreatePolicy", "PutParameter", "CreateBucket", "CreateKey"} <= operations


def changed(value: Any, known: dict[str, str]) -> Any:
    """A value with the ids of moto in place of those of the mocks."""
    if isinstance(value, dict):
        return {key: changed(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [changed(inner, known) for inner in value]
    return known.get(value, value) if isinstance(value, str) else value


def network(client: Any) -> dict[str, str]:
    """The network that is there before a machine is."""
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    known: dict[str, str] = {}
    for number, zone in enumerate(ZONES, 1):
        created = client.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)
        known[f"subnet-{zone}"] = created["Subnet"]["SubnetId"]
    for group in ("sg-nodes", "sg-control-plane"):
        created = client.create_security_group(GroupName=group[3:], Description=group, VpcId=vpc)
        known[group] = created["GroupId"]
    return known


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with empty_account():
        yield lambda service: boto3.client(service, region_name=REGION)


def run(recording: Recording, account: Callable[[str], Any]) -> dict[str, str]:
    """Runs all calls in the order of the requests.

    Returns:
        moto's id of everything, by that of the mocks.
    """
    known = network(account("ec2"))
    mocked = f"arn:aws:x:{REGION}:{ACCOUNT}"
    for name, (service, operation, parameters) in all_calls(recording):
        client = account(service)
        answer = getattr(client, xform_name(operation))(**changed(parameters, known))
        match operation:
            case "CreateKey":
                known |= {
                    f"{mocked}:{name}": answer["KeyMetadata"]["Arn"],
                    f"{name}-key": answer["KeyMetadata"]["KeyId"],
                }
            case "CreateBucket":
                known |= {f"{name}-id": name}
            case "CreatePolicy":
                known |= {f"{mocked}:{name}": answer["Policy"]["Arn"]}
            case "AllocateAddress":
                known |= {"eipalloc-1": answer["AllocationId"]}
            case "RunInstances":
                known |= {f"{name}-id": answer["Instances"][0]["InstanceId"]}
    return known


def test_moto_accepts_every_call_and_has_the_node_table(recording: Recording, account: Callable[[str], Any]) -> None:
    known = run(recording, account)
    instances = {
        instance["InstanceId"]: instance
        for reservation in account("ec2").describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    }
    assert len(instances) == len(TABLE)
    for node, (type_, zone, disk, role) in TABLE.items():
        instance = instances[known[f"it-{node}-id"]]
        assert (instance["InstanceType"], instance["Placement"]["AvailabilityZone"]) == (type_, zone)
        metadata = instance["MetadataOptions"]
        assert (metadata["HttpTokens"], metadata["HttpPutResponseHopLimit"]) == ("required", 1)
        assert instance["IamInstanceProfile"]["Arn"].endswith(f"/it-{role.value}-profile")
        assert {"Key": "Name", "Value": f"it-{node}"} in instance["Tags"]
        [mapping] = instance["BlockDeviceMappings"]
        [volume] = account("ec2").describe_volumes(VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"]
        assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (disk, "gp3", True)
    [address] = account("ec2").describe_addresses()["Addresses"]
    assert address["InstanceId"] == known["it-k8s-master-id"]


def test_moto_has_the_secrets_the_bucket_and_the_policies(recording: Recording, account: Callable[[str], Any]) -> None:
    known = run(recording, account)
    key = known[f"arn:aws:x:{REGION}:{ACCOUNT}:store-key"]
    for secret in KEYS:
        parameter = account("ssm").get_parameter(Name=f"/switchyard/it/{secret}", WithDecryption=True)["Parameter"]
        assert (parameter["Type"], parameter["Value"]) == ("SecureString", f"text of {secret}")
    s3 = account("s3")
    assert s3.get_bucket_versioning(Bucket="store-backups")["Status"] == "Enabled"
    [rule] = s3.get_bucket_encryption(Bucket="store-backups")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert len(s3.get_bucket_lifecycle_configuration(Bucket="store-backups")["Rules"]) == 3
    assert account("kms").get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    for role, purposes in {"controlPlane": {"node", "backup"}, "worker": {"node", "load-balancer"}}.items():
        attached = account("iam").list_attached_role_policies(RoleName=f"it-{role}-role")["AttachedPolicies"]
        assert {policy["PolicyName"] for policy in attached} == {f"it-{role}-{purpose}" for purpose in purposes}


def a_long_parameter(account: Callable[[str], Any]) -> object:
    value = "k" * (cloud_init.PARAMETER_LIMIT + 1)
    return account("ssm").put_parameter(Name="/it", Type="SecureString", Tier="Standard", Value=value)


def long_user_data(account: Callable[[str], Any]) -> object:
    text = "#" * (cloud_init.USER_DATA_LIMIT + 1)
    return account("ec2").run_instances(MinCount=1, MaxCount=1, ImageId=IMAGE, UserData=text)


def a_long_policy(account: Callable[[str], Any]) -> object:
    arns = [f"arn:aws:s3:::{number:060}" for number in range(100)]
    document = iam.backup(iam.AwsLocation("aws", REGION, ACCOUNT), "arn:aws:kms:::key/1", arns[0])
    document["Statement"] = [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": arns}]
    assert len(policy_documents.text(document)) > iam.POLICY_CHARACTERS
    return account("iam").create_policy(PolicyName="it", PolicyDocument=policy_documents.text(document))


def a_key_that_is_not_there(account: Callable[[str], Any]) -> object:
    return account("ssm").put_parameter(Name="/it", Type="SecureString", Value="x", KeyId="alias/nobody")


def credits_of_a_type_without_them(account: Callable[[str], Any]) -> object:
    unlimited = {"CpuCredits": "unlimited"}
    return account("ec2").run_instances(
        MinCount=1, MaxCount=1, ImageId=IMAGE, InstanceType="m5.large", CreditSpecification=unlimited
    )


GAPS = {
    "a parameter over 4 KB": a_long_parameter,
    "user data over 16 KB": long_user_data,
    "a managed policy over 6,144 characters": a_long_policy,
    "a parameter under a key that is not there": a_key_that_is_not_there,
    "credits for a type without them": credits_of_a_type_without_them,
}
"""What AWS refuses and moto takes: these are tested on our side, or nowhere."""


@pytest.mark.parametrize("gap", GAPS)
def test_moto_accepts_what_aws_refuses(gap: str, account: Callable[[str], Any]) -> None:
    assert GAPS[gap](account)


def test_moto_does_not_store_cpu_credits(recording: Recording, account: Callable[[str], Any]) -> None:
    machine = run(recording, account)["it-k8s-master-id"]
    described = account("ec2").describe_instance_credit_specifications(InstanceIds=[machine])
    # Asked for were unlimited ones.
    assert [answer["CpuCredits"] for answer in described["InstanceCreditSpecifications"]] == ["standard"]
