"""IAM: roles, policies and instance profiles."""

import json
from typing import Any

from devtools.rehearsal.aws.resource_type import ARN, Request, ResourceType, tag_list, take
from devtools.rehearsal.values import Values


def _tags(inputs: Values) -> Values:
    tags = tag_list(inputs)
    return {"Tags": tags} if tags else {}


def _iam(operation: str, parameters: Values) -> Request:
    return Request("iam", operation, parameters)


def _document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _role_result(answer: Values, inputs: Values) -> tuple[str, Values]:  # noqa: ARG001
    role = answer["Role"]
    return role["RoleName"], {"arn": role["Arn"], "uniqueId": role["RoleId"], "name": role["RoleName"]}


def _role_change(id_: str, inputs: Values) -> list[Request]:
    policy = {"RoleName": id_, "PolicyDocument": _document(inputs["assumeRolePolicy"])}
    return [_iam("UpdateAssumeRolePolicy", policy)]


def _role_policy(inputs: Values) -> Request:
    parameters = take(inputs, RoleName="role", PolicyName="name")
    return _iam("PutRolePolicy", {**parameters, "PolicyDocument": _document(inputs["policy"])})


def _profile_then(id_: str, inputs: Values) -> list[Request]:
    if not inputs.get("role"):
        return []
    return [_iam("AddRoleToInstanceProfile", {"InstanceProfileName": id_, "RoleName": inputs["role"]})]


def _profile_delete(id_: str, state: Values) -> list[Request]:
    remove = _iam("RemoveRoleFromInstanceProfile", {"InstanceProfileName": id_, "RoleName": state.get("role")})
    return [*([remove] if state.get("role") else []), _iam("DeleteInstanceProfile", {"InstanceProfileName": id_})]


RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:iam/role:Role": ResourceType(
        lambda i: _iam(
            "CreateRole",
            {
                "AssumeRolePolicyDocument": _document(i["assumeRolePolicy"]),
                **take(i, "path", "description", "maxSessionDuration", "permissionsBoundary", RoleName="name"),
                **_tags(i),
            },
        ),
        _role_result,
        change=_role_change,
        delete=lambda id_, _: [_iam("DeleteRole", {"RoleName": id_})],
        replacing=frozenset({"name", "namePrefix", "path"}),
        computed=ARN | {"uniqueId"},
        named="name",
    ),
    "aws:iam/rolePolicy:RolePolicy": ResourceType(
        _role_policy,
        lambda _, i: (f"{i['role']}:{i['name']}", {}),
        change=lambda _, i: [_role_policy(i)],
        delete=lambda _, s: [_iam("DeleteRolePolicy", take(s, RoleName="role", PolicyName="name"))],
        replacing=frozenset({"name", "namePrefix", "role"}),
        named="name",
    ),
    "aws:iam/policy:Policy": ResourceType(
        lambda i: _iam(
            "CreatePolicy",
            {"PolicyDocument": _document(i["policy"]), **take(i, "path", "description", PolicyName="name"), **_tags(i)},
        ),
        lambda answer, _: (
            answer["Policy"]["Arn"],
            {"arn": answer["Policy"]["Arn"], "policyId": answer["Policy"]["PolicyId"]},
        ),
        delete=lambda id_, _: [_iam("DeletePolicy", {"PolicyArn": id_})],
        replacing=frozenset({"name", "namePrefix", "path", "description"}),
        computed=ARN,
        named="name",
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ResourceType(
        lambda i: _iam("AttachRolePolicy", take(i, "policyArn", RoleName="role")),
        lambda _, i: (f"{i['role']}/{i['policyArn']}", {}),
        delete=lambda _, s: [_iam("DetachRolePolicy", take(s, "policyArn", RoleName="role"))],
        replacing=frozenset({"role", "policyArn"}),
    ),
    "aws:iam/instanceProfile:InstanceProfile": ResourceType(
        lambda i: _iam("CreateInstanceProfile", {**take(i, "path", InstanceProfileName="name"), **_tags(i)}),
        lambda answer, _: (
            answer["InstanceProfile"]["InstanceProfileName"],
            {"arn": answer["InstanceProfile"]["Arn"], "uniqueId": answer["InstanceProfile"]["InstanceProfileId"]},
        ),
        then=_profile_then,
        delete=_profile_delete,
        replacing=frozenset({"name", "namePrefix", "path", "role"}),
        computed=ARN | {"uniqueId"},
        named="name",
    ),
}
