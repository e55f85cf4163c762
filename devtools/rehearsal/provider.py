# ruff: noqa: N802, D102, ARG002 - the methods of the protocol, named and described in pulumi.runtime.proto
"""The engine's provider protocol, which all fake providers share."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from devtools.rehearsal.record import Record
from devtools.rehearsal.values import UNKNOWN, Values, has_unknown, read, write

WORKERS = 32
"""Number of simultaneous calls. The engine creates independent resources at the same time."""

MESSAGE_LIMIT = 400 * 1024 * 1024
"""Bytes of one message: the engine's own limit, above gRPC's 4 MiB."""


class RefusedError(Exception):
    """The fake provider refuses a request, as the real provider would."""


@dataclass
class Created:
    """A resource that was created.

    Attributes:
        id: id of the resource in the cloud.
        outputs: properties of the resource in addition to its inputs.
        by: the source of the answer: moto, or the fake provider itself.
    """

    id: str
    outputs: Values = field(default_factory=dict)
    by: str = "fake"


class Backend(Protocol):
    """The resources of a fake provider."""

    def defaults(self, kind: str, name: str, inputs: Values, olds: Values) -> Values:
        """The inputs, completed with the provider's defaults, for example a name."""

    def problems(self, kind: str, inputs: Values) -> list[tuple[str, str]]:
        """The errors by the model of the API: property and reason. Values may be unknown."""

    def computed(self, kind: str) -> set[str]:
        """Returns the outputs that are known only after creation."""

    def replacing(self, kind: str, olds: Values, news: Values) -> set[str] | None:
        """Returns the immutable inputs, whose change replaces the resource; None means all."""

    def outdated(self, kind: str, state: Values, inputs: Values) -> set[str]:
        """Returns the outputs that cause a replacement with unchanged inputs, because time has passed."""

    def create(self, kind: str, inputs: Values) -> Created:
        """Creates the resource."""

    def update(self, kind: str, id_: str, state: Values, inputs: Values) -> Created:
        """Updates the resource."""

    def delete(self, kind: str, id_: str, state: Values) -> str:
        """Deletes the resource; returns the source of the answer."""

    def invoke(self, token: str, arguments: Values) -> Values:
        """Returns the result of a function of the provider."""


class Watcher(Protocol):
    """Reacts to the creation and deletion of resources. Its methods return at once."""

    def created(self, kind: str, id_: str, outputs: Values) -> None:
        """Is called after a resource was created."""

    def deleted(self, kind: str, id_: str) -> None:
        """Is called after a resource was deleted."""


class FakeProvider(provider_pb2_grpc.ResourceProviderServicer):
    """A fake of a provider plugin, which says so in the output of every run.

    Args:
        version: version of the package that it answers for.
        backend: the resources that it provides.
        record: takes every call.
        notice: line for the engine's output.
        delays: seconds that the creation of a type takes longer.
        watchers: receive every resource that was created or deleted.
    """

    def __init__(
        self,
        *,
        version: str,
        backend: Backend,
        record: Record,
        notice: str,
        delays: Mapping[str, float] | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self._version = version
        self._backend = backend
        self._record = record
        self._notice = notice
        self._delays = {} if delays is None else delays
        self._watchers = watchers

    def Handshake(self, request: Any, context: Any) -> Any:
        with grpc.insecure_channel(request.engine_address) as channel:
            log = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=self._notice)
            engine_pb2_grpc.EngineStub(channel).Log(log)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        # A running call ends by itself, as it does at AWS.
        return empty_pb2.Empty()

    def Check(self, request: Any, context: Any) -> Any:
        kind, name = _kind_and_name(request.urn)
        news, secrets = read(request.news)
        inputs = self._backend.defaults(kind, name, news, read(request.olds)[0])
        failures = [
            provider_pb2.CheckFailure(property=property_, reason=reason)
            for property_, reason in self._backend.problems(kind, inputs)
        ]
        return provider_pb2.CheckResponse(inputs=write(inputs, secrets), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        kind, _ = _kind_and_name(request.urn)
        olds, news = read(request.old_inputs)[0], read(request.news)[0]
        replacing = self._backend.replacing(kind, olds, news)
        outdated = sorted(self._backend.outdated(kind, read(request.olds)[0], news))
        changed = [key for key in sorted(olds.keys() | news.keys()) if olds.get(key) != news.get(key)]
        replaced = [*(key for key in changed if replacing is None or key in replacing), *outdated]
        changed += outdated
        answer = provider_pb2.DiffResponse
        return answer(
            changes=answer.DIFF_SOME if changed else answer.DIFF_NONE,
            diffs=changed,
            replaces=replaced,
            hasDetailedDiff=True,
            detailedDiff={
                key: provider_pb2.PropertyDiff(
                    kind=_diff_kind(key, olds, news, key in replaced), inputDiff=key not in outdated
                )
                for key in changed
            },
        )

    def Create(self, request: Any, context: Any) -> Any:
        kind, _ = _kind_and_name(request.urn)
        inputs, secrets = read(request.properties)
        if request.preview:
            outputs = dict.fromkeys(self._backend.computed(kind), UNKNOWN) | inputs
            return provider_pb2.CreateResponse(properties=write(outputs, secrets))
        if kind in self._delays:
            self._record.write("begin", request.urn, inputs, secrets)
            time.sleep(self._delays[kind])
        try:
            resource = self._backend.create(kind, inputs)
        except RefusedError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        self._record.write("create", request.urn, inputs, secrets, id=resource.id, by=resource.by)
        for watcher in self._watchers:
            watcher.created(kind, resource.id, inputs | resource.outputs)
        return provider_pb2.CreateResponse(id=resource.id, properties=write(inputs | resource.outputs, secrets))

    def Update(self, request: Any, context: Any) -> Any:
        kind, _ = _kind_and_name(request.urn)
        inputs, secrets = read(request.news)
        state, _ = read(request.olds)
        # The earlier outputs, without inputs that were removed or added.
        kept = {key: value for key, value in state.items() if key not in read(request.old_inputs)[0]}
        if request.preview:
            return provider_pb2.UpdateResponse(properties=write(kept | inputs, secrets))
        try:
            resource = self._backend.update(kind, request.id, state, inputs)
        except RefusedError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        self._record.write("update", request.urn, inputs, secrets, id=request.id, by=resource.by)
        return provider_pb2.UpdateResponse(properties=write(kept | inputs | resource.outputs, secrets))

    def Delete(self, request: Any, context: Any) -> Any:
        kind, _ = _kind_and_name(request.urn)
        state, _ = read(request.properties)
        try:
            by = self._backend.delete(kind, request.id, state)
        except RefusedError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        self._record.write("delete", request.urn, {}, set(), id=request.id, by=by)
        for watcher in self._watchers:
            watcher.deleted(kind, request.id)
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:
        # The state is returned as it is, because resources of a fake provider are not changed by hand.
        self._record.write("read", request.urn, {}, set(), id=request.id)
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Invoke(self, request: Any, context: Any) -> Any:
        arguments, secrets = read(request.args)
        if has_unknown(arguments):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{request.tok}: an argument is not known yet")
        try:
            answer = self._backend.invoke(request.tok, arguments)
        except RefusedError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        self._record.write("invoke", request.tok, arguments, secrets)
        return provider_pb2.InvokeResponse(**{"return": write(answer, set())})


def serve(fake_provider: FakeProvider) -> tuple[grpc.Server, int]:
    """Serves a fake provider on the loopback interface.

    Returns:
        The running server and its port.
    """
    sizes = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    server = grpc.server(ThreadPoolExecutor(WORKERS), options=sizes)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(fake_provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _kind_and_name(urn: str) -> tuple[str, str]:
    """Type and name in ``urn:pulumi:stack::project::parent$type::name``."""
    _, _, types, name = urn.split("::", 3)
    return types.rpartition("$")[2], name


def _diff_kind(key: str, olds: Values, news: Values, replaces: bool) -> Any:
    kinds = provider_pb2.PropertyDiff
    if key not in olds and key not in news:
        return kinds.UPDATE_REPLACE  # an output
    if key not in olds:
        return kinds.ADD_REPLACE if replaces else kinds.ADD
    if key not in news:
        return kinds.DELETE_REPLACE if replaces else kinds.DELETE
    return kinds.UPDATE_REPLACE if replaces else kinds.UPDATE
