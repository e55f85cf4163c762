"""What all unit tests have in common: they reach nothing outside of this machine, and do nothing twice for it."""

import gc
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import HealthCheck, settings

from switchyard.config.commands import messages_about

CERTIFICATES = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    # No test asserts that a time is short: on a busy machine it would fail without a fault.
    settings.register_profile("without-times", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("without-times")
    # Accounts of moto begin without its 1,300 images, which no test asks for: to make them takes half a second each.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    # A connection reads all certificate authorities of the machine, 20 ms each time. One will do: no test connects
    # to a server that has a certificate of theirs.
    bundle = Path(certifi.where()).read_text()
    first = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", bundle, re.DOTALL)
    assert first is not None
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(first.group())
    config.stash[CERTIFICATES] = Path(file.name)
    os.environ |= {"SSL_CERT_FILE": file.name, "SSL_CERT_DIR": os.devnull}


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[CERTIFICATES].unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def _no_stack_of_another_test() -> Iterator[None]:
    with messages_about(None):
        yield


def pytest_collection_finish() -> None:
    # Modules and tests stay to the end. Without this, each full collection goes through all of them again.
    gc.freeze()
