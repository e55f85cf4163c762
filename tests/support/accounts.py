"""Empty AWS accounts at moto, for one test each."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any
from unittest import mock

import boto3  # type: ignore[import-untyped]
from botocore.loaders import JSONFileLoader  # type: ignore[import-untyped]
from moto import mock_aws

from devtools.rehearsal.aws.provider import AT_MOTO

# Each session reads the models of the API again, that of EC2 in a tenth of a second.
_load = JSONFileLoader.load_file
_loaded = functools.cache(lambda path: _load(JSONFileLoader(), path))
JSONFileLoader.load_file = lambda _, path: _loaded(path)


@contextlib.contextmanager
def empty_account() -> Iterator[None]:
    """An empty AWS account.

    The session and the clients of the SDK, which have already read the models of the API, are reused. moto also answers
    a client of an earlier account, because it intercepts the requests, and uses the present account.
    """
    with mock_aws(config={"core": {"reset_boto3_session": False}}), mock.patch.object(boto3, "client", _client):
        yield


_create = boto3.client


def _client(service: str, **settings: Any) -> Any:
    """A client that is shared between tests. A client with other settings than the fake's is created anew."""
    shared = set(settings) == {"region_name"} or settings.get("config") is AT_MOTO
    return _kept(service, **settings) if shared else _create(service, **settings)


@functools.cache
def _kept(service: str, **settings: Any) -> Any:
    return _create(service, **settings)
