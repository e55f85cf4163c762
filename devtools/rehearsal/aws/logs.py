"""CloudWatch Logs: log groups."""

from devtools.rehearsal.aws.resource_type import ARN, Request, ResourceType
from devtools.rehearsal.aws.resource_type import arn as arn_of
from devtools.rehearsal.values import Values


def _retention(id_: str, inputs: Values) -> list[Request]:
    if not inputs.get("retentionInDays"):
        return []
    return [Request("logs", "PutRetentionPolicy", {"logGroupName": id_, "retentionInDays": inputs["retentionInDays"]})]


RESOURCE_TYPES: dict[str, ResourceType] = {
    "aws:cloudwatch/logGroup:LogGroup": ResourceType(
        lambda i: Request(
            "logs",
            "CreateLogGroup",
            {
                "logGroupName": i["name"],
                **({"tags": i["tags"]} if i.get("tags") else {}),
                **({"kmsKeyId": i["kmsKeyId"]} if i.get("kmsKeyId") else {}),
            },
        ),
        lambda _, i: (i["name"], {"arn": arn_of("logs", f"log-group:{i['name']}")}),
        then=_retention,
        change=_retention,
        delete=lambda id_, _: [Request("logs", "DeleteLogGroup", {"logGroupName": id_})],
        replacing=frozenset({"name", "namePrefix"}),
        computed=ARN,
        named="name",
    ),
}
