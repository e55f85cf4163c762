"""Maps a resource of pulumi-aws to calls of the AWS API: operations and their parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from devtools.rehearsal.values import Values

REGION = "\0region\0"
"""Placeholder of the region, which is replaced at the call."""

ACCOUNT = "123456789012"
"""Account ID of moto."""

INSTANCE = "aws:ec2/instance:Instance"
PARAMETER = "aws:ssm/parameter:Parameter"

ARN = frozenset({"arn"})
"""Outputs of almost every resource."""


class Request(NamedTuple):
    """One call of the API."""

    service: str
    operation: str
    parameters: Values


class Read(NamedTuple):
    """A call that only reads, and the outputs in its answer."""

    request: Request
    outputs: Callable[[Values], Values]


def none(*_: Any) -> list[Any]:
    """No further calls."""
    return []


@dataclass(frozen=True)
class ResourceType:
    """One type of resource.

    Attributes:
        create: the call that creates it.
        result: id and outputs, from the answer and the inputs.
        then: calls after it is created.
        change: calls that update it.
        reads: calls that read it after its creation, and the outputs in their answers.
        delete: calls that delete it.
        replacing: inputs whose change replaces it.
        computed: outputs that are known only when it is created.
        named: the input for which the provider generates a name if the program sets none.
    """

    create: Callable[[Values], Request]
    result: Callable[[Values, Values], tuple[str, Values]]
    then: Callable[[str, Values], list[Request]] = none
    change: Callable[[str, Values], list[Request]] = none
    reads: Callable[[str], list[Read]] = none
    delete: Callable[[str, Values], list[Request]] = none
    replacing: frozenset[str] = frozenset()
    computed: frozenset[str] = field(default_factory=frozenset)
    named: str | None = None


def ec2(operation: str, parameters: Values) -> Request:
    """A call of EC2."""
    return Request("ec2", operation, parameters)


def arn(service: str, rest: str) -> str:
    """ARN of a resource in the account and the region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def pascal(name: str) -> str:
    """``cidrBlock`` as the API has it: ``CidrBlock``."""
    return name[:1].upper() + name[1:]


def take(inputs: Mapping[str, Any], *names: str, **renamed: str) -> Values:
    """The parameters that have an input.

    Args:
        inputs: inputs of the resource.
        names: inputs whose parameters have the same name, except for the case of the first letter.
        renamed: name of the input by name of the parameter.
    """
    pairs = [*((pascal(name), name) for name in names), *renamed.items()]
    return {parameter: inputs[name] for parameter, name in pairs if inputs.get(name) is not None}


def tag_list(inputs: Mapping[str, Any]) -> list[dict[str, str]]:
    """Tags as most of the API has them."""
    return [{"Key": key, "Value": value} for key, value in (inputs.get("tags") or {}).items()]


def tags(inputs: Mapping[str, Any], kind: str) -> Values:
    """Tags as EC2 has them at creation."""
    tags_ = tag_list(inputs)
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags_}]} if tags_ else {}


def retag(id_: str, inputs: Values) -> list[Request]:
    """Sets the tags of a resource of EC2."""
    tags_ = tag_list(inputs)
    return [Request("ec2", "CreateTags", {"Resources": [id_], "Tags": tags_})] if tags_ else []


def from_answer(answer_key: str, id_key: str, *outputs: str) -> Any:
    """Returns a function that takes the id and the outputs of a new resource of EC2 from the answer.

    Args:
        answer_key: the key of the resource in the answer; the ARN has it too, with a small first letter.
        id_key: the key of its id.
        outputs: the names of further outputs.
    """

    def created(answer: Values, inputs: Values) -> tuple[str, Values]:  # noqa: ARG001
        resource = answer[answer_key]
        id_ = resource[id_key]
        name = arn("ec2", f"{answer_key[:1].lower()}{answer_key[1:]}/{id_}")
        return id_, {"arn": name, **{each: resource[pascal(each)] for each in outputs if pascal(each) in resource}}

    return created


def delete_by_id(operation: str, parameter: str) -> Any:
    """Returns a function that deletes a resource of EC2 by one call that takes its id."""
    return lambda id_, state: [ec2(operation, {parameter: id_})]  # noqa: ARG005
