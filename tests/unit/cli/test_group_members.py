"""Which services of a group a command works on."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.group_members import going_together
from switchyard.config.loader import load
from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.kube.rolled_back import RECORD_VERSION, VERSION
from switchyard.manifests.labels import object_labels, selector
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.configuration import EXISTING
from tests.support.fake_release import release

KEYS = ("api", "worker")
TRACKS = {"active": "blue", "blue": {"tag": "v1", "replicas": 1}, "green": {"tag": "v2", "replicas": 1}}
SERVICES = {key: {"image": f"org/{key}", **TRACKS} for key in KEYS}


def of_group(key: str, **changes: Any) -> ReleaseRecord:
    return release(service=key, together=KEYS, **changes)


@dataclass
class FakeApi:
    """An API server on which green serves, with the latest release of each service of a group, and earlier ones."""

    records: dict[str, ReleaseRecord]
    history: list[ReleaseRecord] = field(default_factory=list)

    async def find(self, resource: str, name: str, _: str) -> dict[str, Any] | None:
        key = name.removesuffix("-release")
        if resource == "services":
            return {"spec": {"selector": selector(name, Colour.GREEN)}}
        if key not in self.records:
            return None
        metadata = {"name": name, "namespace": "default", "resourceVersion": "1"}
        marks = {"labels": object_labels(key), "annotations": {RECORD_VERSION: VERSION}}
        history = [record.to_json() for record in self.history]
        data = {"current": json.dumps(self.records[key].to_json()), "history": json.dumps(history)}
        return {"metadata": {**metadata, **marks}, "data": data}


@pytest.mark.parametrize(
    ("act", "own", "other", "keys"),
    [
        (Act.RESUME, Phase.PROVE, of_group("worker", phase=Phase.SWITCH), KEYS),
        (Act.RESUME, Phase.BAKE, of_group("worker", phase=Phase.WATCH), KEYS),
        (Act.RESUME, Phase.BAKE, of_group("worker", phase=Phase.BAKE), ()),
        (Act.RESUME, Phase.BAKE, of_group("worker", result=Result.ROLLED_BACK), ()),
        (Act.RETIRE, Phase.BAKE, of_group("worker", phase=Phase.BAKE), ()),
        (Act.ABORT, Phase.BAKE, of_group("worker", phase=Phase.BAKE), KEYS),
        (Act.ABORT, Phase.BAKE, of_group("worker", result=Result.SUCCEEDED), ()),
        (Act.ABORT, Phase.WARM, None, ()),
    ],
)
def test_what_a_command_works_on_together(
    act: Act, own: Phase, other: ReleaseRecord | None, keys: tuple[str, ...]
) -> None:
    settings = load({**EXISTING, "kubeconfig": "a"}, SERVICES, "test")
    api: Any = FakeApi({} if other is None else {"worker": other})
    record, request = of_group("api", phase=own), DeployRequest(act, "api")
    assert asyncio.run(going_together(api, settings, request, record)) == keys


def test_a_service_that_has_left_the_configuration_stops_a_resume() -> None:
    settings = load({**EXISTING, "kubeconfig": "a"}, {"api": SERVICES["api"]}, "test")
    api: Any = FakeApi({})
    with pytest.raises(GateRefusedError, match="worker is no longer in the configuration"):
        asyncio.run(going_together(api, settings, DeployRequest(Act.RESUME, "api"), of_group("api")))


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ("green", ()),  # it has changed the selector
        ("blue", KEYS),  # killed before that
    ],
)
def test_an_abort_leaves_a_service_whose_release_a_switch_has_replaced(target: str, keys: tuple[str, ...]) -> None:
    settings = load({**EXISTING, "kubeconfig": "a"}, SERVICES, "test")
    deploy = of_group("worker", phase=Phase.WATCH)
    switch = release(id="id-2", service="worker", kind="switch", target=target, replaces=Result.ROLLED_BACK)
    api: Any = FakeApi({"worker": switch}, [deploy])
    record, request = of_group("api", phase=Phase.WATCH), DeployRequest(Act.ABORT, "api")
    assert asyncio.run(going_together(api, settings, request, record)) == keys
    if not keys:
        with pytest.raises(GateRefusedError, match=r"worker has been replaced by the switch of v2\.0\.1"):
            asyncio.run(going_together(api, settings, replace(request, act=Act.RESUME), record))
