"""Answers the reads of many services by one list for each kind and namespace.

Reads that arrive while a request of their kind is in flight wait for it, and are answered together by the next request.
An answer is never older than its read, because the request begins after the read. A read that waits alone sends the
same request as without this module: nothing is listed without need.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from switchyard.config.kubernetes import CORE
from switchyard.errors import AccessDeniedError, ApiStatusError
from switchyard.kube.api import BoundedApi

NAMES_A_LIST = 100
"""Values in the selector of one list. Proxies refuse a URL of more than 8 KiB, and a name may have 63 characters."""

Kind = tuple[str, str | None, str]
"""Plural name of a kind, a namespace, and the group and version of the API."""


@dataclass
class _Waiting:
    """The reads of one kind that the next requests answer."""

    selectors: list[tuple[dict[str, str], "asyncio.Future[Any]"]] = field(default_factory=list)
    names: dict[str, "asyncio.Future[Any]"] = field(default_factory=dict)


class SharedReads(BoundedApi):
    """Reads for many callers that need the same kinds of objects at once. Calls raise as `BoundedApi` does.

    Args:
        api: the client of the running loop.
        own: labels of the objects that are read by name, unless somebody has removed them.
    """

    def __init__(self, api: BoundedApi, own: Mapping[str, str]) -> None:
        super().__init__(api.client)
        self._own = own
        self._waiting: dict[Kind, _Waiting] = {}
        self._sending: dict[Kind, asyncio.Task[None]] = {}
        self._unlistable: set[Kind] = set()

    async def find(
        self, resource: str, name: str, namespace: str | None = None, version: str = CORE, **request: Any
    ) -> Any | None:
        """One object; None when it does not exist. With a `request` of its own it is not shared."""
        if request:
            return await super().find(resource, name, namespace, version, **request)
        kind = (resource, namespace, version)
        waiting = self._waiting.setdefault(kind, _Waiting())
        if name not in waiting.names:
            waiting.names[name] = asyncio.get_running_loop().create_future()
        self._send(kind)
        return await asyncio.shield(waiting.names[name])

    async def find_all(
        self, resource: str, namespace: str | None, labels: Mapping[str, str], version: str = CORE
    ) -> Any:
        """Lists the objects with these labels; returns the list as the API has it."""
        kind = (resource, namespace, version)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(kind, _Waiting()).selectors.append((dict(labels), future))
        self._send(kind)
        return await future

    def _send(self, kind: Kind) -> None:
        if kind not in self._sending:
            self._sending[kind] = asyncio.get_running_loop().create_task(self._answer_all(kind))

    async def _answer_all(self, kind: Kind) -> None:
        """Sends requests of a kind, one after another, until no read of it waits."""
        try:
            await asyncio.sleep(0)  # so that the reads of services that run side by side come together
            while (waiting := self._waiting.pop(kind, None)) is not None:
                with _answering(list(waiting.names.values())):
                    await asyncio.gather(self._answer_names(kind, waiting.names), self._answer_lists(kind, waiting))
        finally:
            del self._sending[kind]

    async def _answer_names(self, kind: Kind, names: Mapping[str, "asyncio.Future[Any]"]) -> None:
        """Answers reads by name: one by a get, several by a list of what this program has created."""
        resource, namespace, version = kind
        listed: dict[str, Any] = {}
        if len(names) > 1 and namespace is not None and kind not in self._unlistable:
            try:
                answer = await super().find_all(resource, namespace, self._own, version)
                # The items of a list do not say what they are.
                type_fields = {"apiVersion": version, "kind": str(answer.get("kind", "")).removesuffix("List")}
                listed = {item["metadata"]["name"]: type_fields | item for item in answer["items"]}
            except ApiStatusError as error:
                if error.status_code != httpx.codes.NOT_FOUND:
                    raise
                _resolve(names.values(), None)  # there is no such kind of object
                return
            except AccessDeniedError:
                self._unlistable.add(kind)  # who may not list them may still get each

        async def answer_name(name: str, future: "asyncio.Future[Any]") -> None:
            # One that has lost its label is not in the list, and exists all the same.
            with _answering([future]):
                _resolve([future], listed.get(name) or await BoundedApi.find(self, resource, name, namespace, version))

        await asyncio.gather(*(answer_name(name, future) for name, future in names.items()))

    async def _answer_lists(self, kind: Kind, waiting: _Waiting) -> None:
        """Answers reads by labels: one by its own list, several by lists that have the objects of all."""
        resource, namespace, version = kind
        for selectors in _together([labels for labels, _ in waiting.selectors]):
            futures = [(labels, future) for labels, future in waiting.selectors if labels in selectors]
            with _answering([future for _, future in futures]):
                if len(selectors) == 1:
                    answer = await super().find_all(resource, namespace, selectors[0], version)
                    _resolve((future for _, future in futures), answer)
                    continue
                query = {"labelSelector": covering(selectors)}
                answer = await super().ask("list", resource, "", namespace, version, params=query)
                for labels, future in futures:
                    items = [item for item in answer["items"] if _has(item, labels)]
                    _resolve([future], {**answer, "items": items})


class _answering:  # noqa: N801 - read as a statement
    """Passes an error on to the callers that wait for an answer."""

    def __init__(self, futures: Collection["asyncio.Future[Any]"]) -> None:
        self._futures = futures

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        for future in self._futures if error is not None else ():
            if future.done():
                continue
            if isinstance(error, Exception):
                future.set_exception(error)
                future.exception()  # retrieved: who asked may have stopped waiting
            else:
                future.cancel()
        return isinstance(error, Exception)


def _resolve(futures: Iterable["asyncio.Future[Any]"], answer: Any) -> None:
    for future in futures:
        if not future.done():
            future.set_result(answer)


def _has(item: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return labels.items() <= (item["metadata"].get("labels") or {}).items()


def _together(selectors: Iterable[dict[str, str]]) -> list[list[dict[str, str]]]:
    """Groups selectors that one list can answer: those with the same keys, as many as its URL can have."""
    by_keys: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for labels in selectors:
        group = by_keys.setdefault(tuple(sorted(labels)), [])
        if labels not in group:
            group.append(labels)
    return [
        group[start : start + NAMES_A_LIST]
        for group in by_keys.values()
        for start in range(0, len(group), NAMES_A_LIST)
    ]


def covering(selectors: Collection[Mapping[str, str]]) -> str:
    """A selector for the objects of several: each key may have any of its values, or the one that all of them have."""
    terms = []
    for key in sorted({key for labels in selectors for key in labels}):
        values = sorted({labels[key] for labels in selectors})
        terms.append(f"{key}={values[0]}" if len(values) == 1 else f"{key} in ({','.join(values)})")
    return ",".join(terms)
