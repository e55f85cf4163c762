"""AWS without AWS: inputs checked against botocore's model, calls answered by moto where it has them."""

import secrets
import threading
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore import xform_name  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import ClientError, ParamValidationError  # type: ignore[import-untyped]
from botocore.validate import ParamValidator  # type: ignore[import-untyped]

from devtools.rehearsal.aws import functions
from devtools.rehearsal.aws.limits import exceeded
from devtools.rehearsal.aws.registry import RESOURCE_TYPES
from devtools.rehearsal.aws.resource_type import INSTANCE, PARAMETER, REGION, Request
from devtools.rehearsal.provider import Created, RefusedError
from devtools.rehearsal.values import Values, has_unknown

IMAGE = "ami-0f1a2b3c4d5e6f708"
"""ID of the newest image, unless a test sets another one."""

AT_MOTO = Config(ignore_configured_endpoint_urls=True)
"""Settings of clients that reach moto, also in an environment in which the program cannot reach AWS."""


class Aws:
    """The resources of an AWS account, which is empty at first and exists as long as this object.

    It is used inside ``moto.mock_aws()``. Not implemented: the provider's default tags, changes of rules and routes
    that are defined inside their group or table, stopping an instance to change its type, and reading changes that AWS
    made by itself.

    Args:
        region: the region of AWS.
    """

    image: str
    """ID of the newest image. A test may change it."""

    unchecked: set[str]
    """Types that are not in the table. They are accepted, without a resource in moto."""

    def __init__(self, region: str) -> None:
        self.image = IMAGE
        self.unchecked = set()
        self._region = region
        # moto keeps its resources in plain dictionaries.
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def defaults(self, kind: str, name: str, inputs: Values, olds: Values) -> Values:
        """Returns the inputs with a generated name if there is none: the resource's own name and seven digits."""
        named = RESOURCE_TYPES[kind].named if kind in RESOURCE_TYPES else None
        if named is None or inputs.get(named) is not None:
            return inputs
        prefix = inputs.get(f"{named}Prefix") or f"{name}-"
        kept = olds.get(named)
        return {named: kept if kept and kept.startswith(prefix) else prefix + secrets.token_hex(4)[:7]} | inputs

    def problems(self, kind: str, inputs: Values) -> list[tuple[str, str]]:
        """Returns the errors of botocore's model of the API, and the limits that it does not check."""
        problems = list(exceeded(kind, inputs))
        if kind not in RESOURCE_TYPES:
            self.unchecked.add(kind)
            return problems
        if has_unknown(inputs):
            # The inputs may still be unknown; they are checked again before the resource is created.
            return problems
        try:
            requests = [RESOURCE_TYPES[kind].create(inputs), *RESOURCE_TYPES[kind].then("unknown-yet", inputs)]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return [*problems, ("", f"{kind} cannot be made of these inputs: {error!r}")]
        return [*problems, *(problem for request in requests for problem in self._refused(request))]

    def computed(self, kind: str) -> set[str]:
        """Returns the outputs that are known only after creation."""
        return set(RESOURCE_TYPES[kind].computed) if kind in RESOURCE_TYPES else {"arn"}

    def replacing(self, kind: str, olds: Values, news: Values) -> set[str] | None:
        """Returns the immutable inputs, whose change replaces the resource."""
        names = set(RESOURCE_TYPES[kind].replacing) if kind in RESOURCE_TYPES else set()
        if kind == INSTANCE:
            if news.get("userDataReplaceOnChange"):
                names |= {"userData", "userDataBase64"}
            if _encryption(olds) != _encryption(news):
                names.add("rootBlockDevice")
        return names

    def outdated(self, kind: str, state: Values, inputs: Values) -> set[str]:  # noqa: ARG002
        """No resource of AWS is replaced because time has passed."""
        return set()

    def create(self, kind: str, inputs: Values) -> Created:
        """Creates the resource in moto. A resource of a type that is not in the table gets a generated ID."""
        tagged = {"tagsAll": inputs["tags"]} if "tags" in inputs else {}
        known = RESOURCE_TYPES.get(kind)
        if known is None:
            id_ = f"{kind.rpartition(':')[2].lower()}-{secrets.token_hex(9)[:17]}"
            return Created(id_, {"arn": f"arn:aws:fake:{self._region}:{id_}", **tagged})
        problems = self.problems(kind, inputs)
        if problems:
            raise RefusedError("; ".join(reason for _, reason in problems))
        id_, outputs = known.result(self._call(known.create(inputs)), inputs)
        for request in known.then(id_, inputs):
            self._call(request)
        for read in known.reads(id_):
            outputs |= read.outputs(self._call(read.request))
        return Created(id_, self._placed(outputs) | tagged, "moto")

    def update(self, kind: str, id_: str, state: Values, inputs: Values) -> Created:
        """Updates the resource in moto."""
        tagged = {"tagsAll": inputs["tags"]} if "tags" in inputs else {}
        requests = RESOURCE_TYPES[kind].change(id_, inputs) if kind in RESOURCE_TYPES else []
        for request in requests:
            self._call(request)
        # A parameter counts its values.
        outputs = {"version": state.get("version", 0) + 1} if kind == PARAMETER else {}
        return Created(id_, outputs | tagged, "moto" if requests else "fake")

    def delete(self, kind: str, id_: str, state: Values) -> str:
        """Deletes the resource from moto."""
        if kind == INSTANCE and state.get("disableApiTermination") and not state.get("forceDestroy"):
            raise RefusedError(f"OperationNotPermitted: instance {id_} is protected from termination")
        requests = RESOURCE_TYPES[kind].delete(id_, state) if kind in RESOURCE_TYPES else []
        if kind == "aws:s3/bucket:Bucket" and state.get("forceDestroy"):
            self._empty(id_)
        for request in requests:
            self._call(request)
        return "moto" if requests else "fake"

    def invoke(self, token: str, arguments: Values) -> Values:
        """Answers the few functions whose answer is the same in every account, or can be generated."""
        return functions.invoke(token, arguments, region=self._region, image=self.image, call=self._call)

    def instances(self) -> list[str]:
        """IDs of the running instances, whether or not the engine knows them."""
        answer = self._call(Request("ec2", "DescribeInstances", {}))
        instances = [instance for group in answer["Reservations"] for instance in group["Instances"]]
        return [instance["InstanceId"] for instance in instances if instance["State"]["Name"] == "running"]

    def call(self, request: Request) -> Values:
        """Calls the API, for the other fakes of a rehearsal."""
        return self._call(request)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name=self._region, config=AT_MOTO)
        return self._clients[service]

    def _refused(self, request: Request) -> list[tuple[str, str]]:
        with self._lock:
            model = self._client(request.service).meta.service_model.operation_model(request.operation)
        if model.input_shape is None:
            return []
        report = ParamValidator().validate(self._placed(request.parameters), model.input_shape)
        return [("", f"{request.operation}: {report.generate_report()}")] if report.has_errors() else []

    def _call(self, request: Request) -> Values:
        try:
            with self._lock:
                call = getattr(self._client(request.service), xform_name(request.operation))
                answer: Values = call(**self._placed(request.parameters))
        except (ClientError, ParamValidationError) as error:
            raise RefusedError(f"{request.operation}: {error}") from error
        except NotImplementedError as error:
            raise RefusedError(f"moto does not know {request.operation}: {error}") from error
        return answer

    def _empty(self, bucket: str) -> None:
        for version in self._call(Request("s3", "ListObjectVersions", {"Bucket": bucket})).get("Versions", []):
            parameters = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
            self._call(Request("s3", "DeleteObject", parameters))

    def _placed(self, value: Any) -> Any:
        """Replaces the placeholder of the region."""
        if isinstance(value, dict):
            return {key: self._placed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._placed(item) for item in value]
        return value.replace(REGION, self._region) if isinstance(value, str) else value


def _encryption(inputs: Values) -> list[Any]:
    disk = inputs.get("rootBlockDevice") or {}
    return [disk.get("encrypted"), disk.get("kmsKeyId")]
