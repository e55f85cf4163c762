"""KMS: keys and aliases."""

from devtools.rehearsal.aws.resource_type import ARN, Request, ResourceType, take
from devtools.rehearsal.aws.resource_type import arn as arn_of

RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:kms/key:Key": ResourceType(
        lambda i: Request(
            "kms",
            "CreateKey",
            {
                **take(i, "description", "policy", "keyUsage", "multiRegion"),
                **({"Tags": [{"TagKey": k, "TagValue": v} for k, v in i["tags"].items()]} if i.get("tags") else {}),
            },
        ),
        lambda answer, _: (
            answer["KeyMetadata"]["KeyId"],
            {"arn": answer["KeyMetadata"]["Arn"], "keyId": answer["KeyMetadata"]["KeyId"]},
        ),
        then=lambda id_, i: [Request("kms", "EnableKeyRotation", {"KeyId": id_})] if i.get("enableKeyRotation") else [],
        delete=lambda id_, s: [
            Request(
                "kms", "ScheduleKeyDeletion", {"KeyId": id_, "PendingWindowInDays": s.get("deletionWindowInDays", 30)}
            )
        ],
        replacing=frozenset({"keyUsage", "multiRegion"}),
        computed=ARN | {"keyId"},
    ),
    "aws:kms/alias:Alias": ResourceType(
        lambda i: Request("kms", "CreateAlias", take(i, AliasName="name", TargetKeyId="targetKeyId")),
        lambda _, i: (i["name"], {"arn": arn_of("kms", f"{i['name']}")}),
        delete=lambda id_, _: [Request("kms", "DeleteAlias", {"AliasName": id_})],
        replacing=frozenset({"name", "namePrefix"}),
        computed=ARN,
        named="name",
    ),
}
