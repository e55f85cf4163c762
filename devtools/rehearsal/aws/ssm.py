"""Systems Manager: parameters."""

from devtools.rehearsal.aws.resource_type import ARN, Request, ResourceType, tag_list, take
from devtools.rehearsal.aws.resource_type import arn as arn_of
from devtools.rehearsal.values import Values


def _tags(inputs: Values) -> Values:
    tags = tag_list(inputs)
    return {"Tags": tags} if tags else {}


def _parameter(inputs: Values, overwrite: bool) -> Request:
    parameters = take(inputs, "name", "type", "value", "description", "keyId", "tier")
    more = {"Overwrite": True} if overwrite else _tags(inputs)
    return Request("ssm", "PutParameter", parameters | more)


RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:ssm/parameter:Parameter": ResourceType(
        lambda i: _parameter(i, overwrite=False),
        lambda _, i: (i["name"], {"arn": arn_of("ssm", f"parameter/{i['name'].lstrip('/')}"), "version": 1}),
        change=lambda _, i: [_parameter(i, overwrite=True)],
        delete=lambda id_, _: [Request("ssm", "DeleteParameter", {"Name": id_})],
        replacing=frozenset({"name"}),
        computed=ARN | {"version"},
        named="name",
    ),
}
