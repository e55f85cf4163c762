"""Runs both fake providers within a with block. The engine finds them through its environment."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moto import mock_aws

from devtools.rehearsal.aws.provider import Aws
from devtools.rehearsal.engine_home import make_home, port_variable, version
from devtools.rehearsal.provider import FakeProvider, Watcher, serve
from devtools.rehearsal.record import Record
from devtools.rehearsal.tls.provider import Tls

AWS_NOTICE = "AWS is simulated: no call leaves this machine."
TLS_NOTICE = "TLS keys and certificates are real, but a fake of the TLS provider generates them."

NO_AWS = {
    "AWS_ACCESS_KEY_ID": "rehearsal",
    "AWS_SECRET_ACCESS_KEY": "rehearsal",
    "AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2": "http://127.0.0.1:9",
}
"""Environment in which the program cannot reach AWS, so that a rehearsal reaches no real AWS account.

The program asks AWS for the rules of its load balancer, and without an answer relies on the events of the controller.
It asks for what is in a subnet to be removed, and without an answer keeps the subnet.
"""


@dataclass(frozen=True)
class FakeProviders:
    """Running fake providers.

    Attributes:
        environment: variables for the engine.
        record: record of every call.
        aws: the resources of the fake AWS provider.
        delays: seconds that the creation of a type takes longer; may be changed at any time.
    """

    environment: dict[str, str]
    record: Record
    aws: Aws
    delays: dict[str, float]


@contextlib.contextmanager
def fake_providers(
    directory: Path,
    *,
    region: str,
    delays: Mapping[str, float] | None = None,
    watchers: Sequence[Watcher] = (),
) -> Iterator[FakeProviders]:
    """Starts the fake providers, with an empty account.

    Args:
        directory: an empty directory for the engine's home and the record.
        region: the region of AWS.
        delays: seconds that the creation of a type takes longer.
        watchers: receive every resource at AWS that was created or deleted.
    """
    versions = {package: version(package) for package in ("aws", "tls")}
    home = directory / "pulumi-home"
    make_home(home, versions)
    record = Record(directory / "calls.jsonl")
    slow = dict(delays or {})
    with mock_aws():
        aws = Aws(region)
        parts = {
            "aws": FakeProvider(
                version=versions["aws"],
                backend=aws,
                record=record,
                notice=AWS_NOTICE,
                delays=slow,
                watchers=watchers,
            ),
            "tls": FakeProvider(version=versions["tls"], backend=Tls(), record=record, notice=TLS_NOTICE, delays=slow),
        }
        served = {package: serve(part) for package, part in parts.items()}
        environment = {port_variable(package): str(port) for package, (_, port) in served.items()}
        try:
            yield FakeProviders({"PULUMI_HOME": str(home), **NO_AWS, **environment}, record, aws, slow)
        finally:
            for server, _ in served.values():
                server.stop(grace=None).wait()
