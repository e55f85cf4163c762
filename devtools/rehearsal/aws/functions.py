"""Functions of pulumi-aws, such as `aws.ec2.get_ami`."""

from collections.abc import Callable

from devtools.rehearsal.aws.resource_type import Request
from devtools.rehearsal.provider import RefusedError
from devtools.rehearsal.values import Values

Call = Callable[[Request], Values]

VCPU_QUOTA = 32
"""vCPUs that the account may run: moto has no quotas of EC2."""


def invoke(token: str, arguments: Values, *, region: str, image: str, call: Call) -> Values:
    """Answers a function.

    Args:
        token: the function, for example ``aws:ec2/getAmi:getAmi``.
        arguments: arguments of the function.
        region: the region of AWS.
        image: the id of the newest image.
        call: makes a call of the API.

    Raises:
        RefusedError: the function is not in the table.
    """
    name = token.rpartition(":")[2]
    if name == "getCallerIdentity":
        return _caller(call(Request("sts", "GetCallerIdentity", {})))
    if name == "getAmi":
        return _image(image) | arguments
    if name == "getParameter" and arguments["name"].startswith("/aws/service/"):
        return {"id": arguments["name"], "name": arguments["name"], "type": "String", "value": image}
    if name == "getObjects":
        return _objects(arguments, call)
    if name == "getInstanceTypeOfferings":
        return _offerings(arguments, call)
    answers = _of_region(region)
    if name not in answers:
        raise RefusedError(f"the fake AWS provider does not know the function {token}")
    return answers[name]


def _caller(identity: Values) -> Values:
    account = identity["Account"]
    return {"id": account, "accountId": account, "arn": identity["Arn"], "userId": identity["UserId"]}


def _objects(arguments: Values, call: Call) -> Values:
    parameters = {"Bucket": "bucket", "Prefix": "prefix", "StartAfter": "startAfter"}
    request = {name: arguments[key] for name, key in parameters.items() if key in arguments}
    listed = call(Request("s3", "ListObjectsV2", request))
    return {"id": arguments["bucket"], "keys": [entry["Key"] for entry in listed.get("Contents", ())]}


def _offerings(arguments: Values, call: Call) -> Values:
    filters = [{"Name": each["name"], "Values": each["values"]} for each in arguments.get("filters", ())]
    request = {"LocationType": arguments["locationType"], "Filters": filters}
    listed = call(Request("ec2", "DescribeInstanceTypeOfferings", request))["InstanceTypeOfferings"]
    columns = {"instanceTypes": "InstanceType", "locations": "Location", "locationTypes": "LocationType"}
    return {"id": "offerings", **{name: [each[key] for each in listed] for name, key in columns.items()}}


def _image(image: str) -> Values:
    return {
        "id": image,
        "imageId": image,
        "architecture": "x86_64",
        "name": "an image of the rehearsal",
        "rootDeviceName": "/dev/sda1",
    }


def _of_region(region: str) -> dict[str, Values]:
    zones = [f"{region}{letter}" for letter in "abc"]
    return {
        "getRegion": {"id": region, "region": region, "name": region, "description": "a region of the rehearsal"},
        "getPartition": {
            "id": "aws",
            "partition": "aws",
            "dnsSuffix": "amazonaws.com",
            "reverseDnsPrefix": "com.amazonaws",
        },
        "getServiceQuota": {"id": "quota", "value": VCPU_QUOTA},
        "getAvailabilityZones": {"id": region, "names": zones, "zoneIds": zones, "groupNames": [region]},
    }
