"""Accounts at moto for one test each."""

import contextlib
from collections.abc import Iterator

from moto import mock_aws


@contextlib.contextmanager
def empty_account() -> Iterator[None]:
    """An account without anything in it. The SDK keeps its session, which has read its models of the API by then."""
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield
