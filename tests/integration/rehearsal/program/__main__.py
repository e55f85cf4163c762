"""A network, an instance and a secret: a small program for tests of the fake providers."""

import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))

import pulumi
import pulumi_aws as aws
import pulumi_tls as tls

from components.cluster.instance_offers import check_instances
from components.cluster.snapshots import warn_of_late_snapshots
from switchyard.config.models.ec2 import BackupSettings, Ec2Cluster

config = pulumi.Config()
region = aws.Provider("aws", region="ap-northeast-2")
provider = pulumi.ResourceOptions(provider=region)

vpc = aws.ec2.Vpc("vpc", cidr_block=config.get("cidr") or "10.0.0.0/16", enable_dns_hostnames=True, opts=provider)
subnet = aws.ec2.Subnet(
    "subnet", vpc_id=vpc.id, cidr_block="10.0.1.0/24", availability_zone="ap-northeast-2a", opts=provider
)
for number in range(config.get_int("more") or 0):
    aws.ec2.Subnet(f"more-{number}", vpc_id=vpc.id, cidr_block=f"10.0.{number + 10}.0/24", opts=provider)
group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id, description="Of the machine", opts=provider)
rule = aws.vpc.SecurityGroupIngressRule(
    "rule",
    security_group_id=group.id,
    description="VXLAN between nodes",
    ip_protocol="udp",
    from_port=4789,
    to_port=config.get_int("port") or 4789,
    cidr_ipv4="10.0.0.0/16",
    opts=provider,
)
assume = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
}
role = aws.iam.Role("role", name="node", assume_role_policy=pulumi.Output.json_dumps(assume), opts=provider)
profile = aws.iam.InstanceProfile("profile", role=role.name, opts=provider)
key = tls.PrivateKey("key", algorithm="ECDSA", ecdsa_curve="P256")
authority = tls.SelfSignedCert(
    "authority",
    private_key_pem=key.private_key_pem,
    subject={"common_name": "kubernetes"},
    is_ca_certificate=True,
    allowed_uses=["cert_signing", "key_encipherment", "digital_signature"],
    validity_period_hours=87600,
)
request = tls.CertRequest(
    "request",
    private_key_pem=key.private_key_pem,
    subject={"common_name": "admin", "organization": "kubeadm:cluster-admins"},
)
signed = tls.LocallySignedCert(
    "signed",
    ca_cert_pem=authority.cert_pem,
    ca_private_key_pem=key.private_key_pem,
    cert_request_pem=request.cert_request_pem,
    allowed_uses=["client_auth", "digital_signature"],
    validity_period_hours=24,
    early_renewal_hours=config.get_int("renewal") or 0,
)
parameter = aws.ssm.Parameter(
    "parameter", name="/test/ca-key", type="SecureString", value=key.private_key_pem, opts=provider
)
image = aws.ec2.get_ami_output(
    most_recent=True, owners=["099720109477"], opts=pulumi.InvokeOptions(provider=provider.provider)
)
machine = aws.ec2.Instance(
    "machine",
    ami=image.id,
    instance_type=config.get("size") or "t3.medium",
    subnet_id=subnet.id,
    vpc_security_group_ids=[group.id],
    iam_instance_profile=profile.name,
    user_data=config.get("userData") or "#!/bin/sh\n",
    metadata_options={"http_tokens": "required", "http_put_response_hop_limit": config.get_int("hops") or 1},
    root_block_device={"volume_size": 40, "volume_type": "gp3", "encrypted": True},
    opts=pulumi.ResourceOptions(
        provider=provider.provider, depends_on=[parameter, rule], ignore_changes=["ami", "user_data"]
    ),
)
component = pulumi.ComponentResource(
    "rehearsed:it:It", "component", opts=pulumi.ResourceOptions(providers={"aws": region})
)
if bucket := config.get("snapshots"):
    since = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    warn_of_late_snapshots(component, pulumi.Output.from_input(bucket), BackupSettings(), since)
if type_ := config.get("worker"):
    nodes = {"k8s-worker-1": {"type": type_, "zone": "ap-northeast-2b", "diskGb": 40}}
    cluster = Ec2Cluster.model_validate({"kind": "ec2", "name": "it", "nodes": nodes})
    check_instances(component, cluster, (config.get("existing") or "").split())
pulumi.export("address", machine.private_ip)
pulumi.export("certificate", signed.cert_pem)
pulumi.export("privateKey", key.private_key_pem)
