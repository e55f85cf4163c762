"""One service in a run of a command of a release."""

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.service_release import ServiceRelease
from switchyard.config.loader import load
from switchyard.kube.access import ClusterAccess
from switchyard.release.plan import Act
from switchyard.release.record.store import Releases
from tests.support.configuration import BACKEND, EXISTING
from tests.support.release_records import record


def test_a_release_continues_under_the_key_that_the_configuration_has_now() -> None:
    settings = load(EXISTING, {"shop": {**BACKEND, "name": "backend"}}, "test")
    service = ServiceRelease(DeployRequest(Act.RESUME, "shop"), "test", settings, ClusterAccess())
    assert str(service.name) == "backend"
    assert service.continued(Releases(record(service="backend"))).service == "shop"
