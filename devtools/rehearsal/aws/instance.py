"""EC2: instances."""

import base64
from typing import Any

from devtools.rehearsal.aws.resource_type import ARN, Request, ResourceType, ec2, retag, tags, take
from devtools.rehearsal.aws.resource_type import arn as arn_of
from devtools.rehearsal.values import Values


def _device(name: str, disk: Values) -> Values:
    ebs = take(disk, "volumeSize", "volumeType", "encrypted", "kmsKeyId", "iops", "throughput", "deleteOnTermination")
    return {"DeviceName": name, "Ebs": ebs}


def _instance(inputs: Values) -> Request:
    parameters: Values = {"MinCount": 1, "MaxCount": 1, **tags(inputs, "instance")}
    parameters |= take(
        inputs, "instanceType", "keyName", "ebsOptimized", "disableApiTermination", "disableApiStop", ImageId="ami"
    )
    if inputs.get("userData") is not None:
        parameters["UserData"] = inputs["userData"]
    if inputs.get("userDataBase64") is not None:
        # boto3 encodes it once more.
        parameters["UserData"] = base64.b64decode(inputs["userDataBase64"]).decode("latin-1")
    if inputs.get("iamInstanceProfile"):
        parameters["IamInstanceProfile"] = {"Name": inputs["iamInstanceProfile"]}
    if inputs.get("monitoring") is not None:
        parameters["Monitoring"] = {"Enabled": inputs["monitoring"]}
    if inputs.get("availabilityZone"):
        parameters["Placement"] = {"AvailabilityZone": inputs["availabilityZone"]}
    if inputs.get("creditSpecification"):
        parameters["CreditSpecification"] = take(inputs["creditSpecification"], "cpuCredits")
    if inputs.get("metadataOptions"):
        names = ("httpEndpoint", "httpTokens", "httpPutResponseHopLimit", "instanceMetadataTags")
        parameters["MetadataOptions"] = take(inputs["metadataOptions"], *names)
    disks = [_device("/dev/sda1", inputs["rootBlockDevice"])] if inputs.get("rootBlockDevice") else []
    disks += [_device(disk["deviceName"], disk) for disk in inputs.get("ebsBlockDevices", [])]
    if disks:
        parameters["BlockDeviceMappings"] = disks
    network = take(inputs, "subnetId", SecurityGroupIds="vpcSecurityGroupIds", PrivateIpAddress="privateIp")
    if inputs.get("associatePublicIpAddress") is not None:
        groups = {"Groups": network.pop("SecurityGroupIds")} if "SecurityGroupIds" in network else {}
        interface = {"DeviceIndex": 0, "AssociatePublicIpAddress": inputs["associatePublicIpAddress"]}
        parameters["NetworkInterfaces"] = [interface | network | groups]
    else:
        parameters |= network
    return ec2("RunInstances", parameters)


def _instance_result(answer: Values, inputs: Values) -> tuple[str, Values]:
    instance = answer["Instances"][0]
    interfaces = instance.get("NetworkInterfaces") or [{}]
    id_ = instance["InstanceId"]
    zone = instance["Placement"]["AvailabilityZone"]
    return id_, {
        "arn": arn_of("ec2", f"instance/{id_}"),
        "availabilityZone": zone,
        "privateIp": instance.get("PrivateIpAddress", ""),
        "privateDns": instance.get("PrivateDnsName", ""),
        "publicIp": instance.get("PublicIpAddress", "198.51.100.10"),
        "publicDns": instance.get("PublicDnsName", ""),
        "primaryNetworkInterfaceId": interfaces[0].get("NetworkInterfaceId", "eni-0123456789abcdef0"),
        "instanceState": "running",
        "subnetId": inputs.get("subnetId", instance.get("SubnetId", "")),
    }


def _modify(id_: str, name: str, value: Any) -> Request:
    return ec2("ModifyInstanceAttribute", {"InstanceId": id_, name: value})


def _source_check(id_: str, inputs: Values) -> list[Request]:
    check = inputs.get("sourceDestCheck")
    return [] if check is None else [_modify(id_, "SourceDestCheck", {"Value": check})]


def _instance_change(id_: str, inputs: Values) -> list[Request]:
    requests = [*retag(id_, inputs), *_source_check(id_, inputs)]
    if inputs.get("disableApiTermination") is not None:
        requests.append(_modify(id_, "DisableApiTermination", {"Value": inputs["disableApiTermination"]}))
    if inputs.get("vpcSecurityGroupIds"):
        requests.append(_modify(id_, "Groups", inputs["vpcSecurityGroupIds"]))
    return requests


RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:ec2/instance:Instance": ResourceType(
        _instance,
        _instance_result,
        then=_source_check,
        change=_instance_change,
        delete=lambda id_, _: [ec2("TerminateInstances", {"InstanceIds": [id_]})],
        replacing=frozenset(
            {
                "ami",
                "subnetId",
                "availabilityZone",
                "keyName",
                "privateIp",
                "ebsBlockDevices",
                "associatePublicIpAddress",
            }
        ),
        computed=ARN
        | {"privateIp", "publicIp", "privateDns", "publicDns", "primaryNetworkInterfaceId", "availabilityZone"},
    ),
}
