"""Ports on the nodes that another Service has: refused at the start, with updates that work."""

import asyncio
import copy
from collections.abc import Mapping
from typing import Any

import pytest

from switchyard.config.models.service import ServiceSettings
from switchyard.config.models.service_name import NamespacedName
from switchyard.config.validation.services import SERVICES
from switchyard.errors import AccessDeniedError
from switchyard.gates.node_ports import list_services
from switchyard.gates.rules.node_ports import has_fixed_ports, refuse_taken_ports
from switchyard.manifests.ownership_marks import ADOPTED, Mark
from switchyard.manifests.pods import active_service
from tests.support.configuration import BACKEND, read
from tests.support.guarded_objects import OURS, THEIRS
from tests.support.remedies import pasted

FIRST, SECOND, THIRD = 30911, 30912, 30913
Live = dict[NamespacedName, dict[str, Any]]


def service(node_port: int | None = None, **more: Any) -> dict[str, Any]:
    return BACKEND | ({} if node_port is None else {"nodePort": node_port}) | more


def further(**numbers: int) -> dict[str, Any]:
    """Further ports, each with its number on the nodes."""
    ports = enumerate(numbers.items(), start=9000)
    return {
        name: {"containerPort": at, "servicePort": at} | ({"nodePort": number} if number else {})
        for at, (name, number) in ports
    }


def parsed(config: Mapping[str, Any]) -> Mapping[str, ServiceSettings]:
    return read(dict(config)).services


def live_service(name: str, mark: Mark | None = OURS, namespace: str = "default", **numbers: int) -> dict[str, Any]:
    annotations = dict(mark.annotations) if mark else {}
    ports = [{"name": key, "port": 80, "nodePort": number} for key, number in numbers.items()]
    metadata = {"name": name, "namespace": namespace, "annotations": annotations, "labels": {"app": name}}
    return {"metadata": metadata, "spec": {"ports": ports}}


def updated(live: Live, services: Mapping[str, ServiceSettings]) -> Live:
    """The Services after an update, as the API server takes them in any order: it never gives one port to two."""
    before, after = live, Live()
    for key, settings in services.items():
        name = settings.namespaced(key)
        manifest = active_service(name.name, settings)
        old = {port["name"]: port["nodePort"] for port in before.get(name, {"spec": {"ports": []}})["spec"]["ports"]}
        has_node_ports = manifest["spec"]["type"] != "ClusterIP"
        others = {port["nodePort"] for other, item in before.items() if other != name for port in item["spec"]["ports"]}
        numbers = {}
        for index, port in enumerate(manifest["spec"]["ports"] if has_node_ports else ()):
            chosen = 32000 + 10 * len(after) + index
            numbers[port["name"]] = port.get("nodePort") or old.get(port["name"]) or chosen
            assert numbers[port["name"]] not in others, "provided port is already allocated"
        after[name] = live_service(name.name, OURS, name.namespace, **numbers)
    return after


def of(*items: dict[str, Any]) -> Live:
    return {NamespacedName(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in items}


def numbers(live: Live) -> dict[str, dict[str, int]]:
    return {
        name: {port["name"]: port["nodePort"] for port in item["spec"]["ports"]} for (_, name), item in live.items()
    }


IDENTIFIED = Mark(OURS.project, OURS.stack, "0123")
WEB, API = live_service("web", http=FIRST), live_service("api", http=SECOND)


@pytest.mark.parametrize(
    ("live", "config", "count"),
    [
        pytest.param(of(WEB), {"web": service(THIRD), "api": service(FIRST)}, 2, id="moved to a new service"),
        pytest.param(of(WEB, API), {"web": service(THIRD), "api": service(FIRST)}, 2, id="moved to another one"),
        pytest.param(of(WEB, API), {"web": service(SECOND), "api": service(FIRST)}, 3, id="swapped"),
        pytest.param(
            of(WEB, API, live_service("admin", http=THIRD)),
            {"web": service(SECOND), "api": service(THIRD), "admin": service(FIRST)},
            4,
            id="in a cycle",
        ),
        pytest.param(
            of(WEB, API),
            {"web": service(SECOND), "api": service(THIRD), "admin": service(FIRST)},
            3,
            id="one after the other",
        ),
        pytest.param(
            of(WEB, API),
            {"web": service(THIRD), "api": service(SECOND, ports=further(metrics=FIRST))},
            2,
            id="taken by a further port",
        ),
        pytest.param(
            of(live_service("web", http=THIRD, metrics=FIRST), API),
            {"web": service(THIRD, ports=further(metrics=30950)), "api": service(FIRST)},
            2,
            id="taken from a further port",
        ),
        pytest.param(
            of(live_service("web", http=THIRD, metrics=FIRST), API),
            {"web": service(THIRD), "api": service(FIRST)},
            2,
            id="taken from a further port that is no more",
        ),
        pytest.param(of(WEB, API), {"api": service(FIRST)}, 2, id="taken from a removed service"),
        pytest.param(of(WEB), {"api": service(ports=further(metrics=FIRST))}, 2, id="the same by a further port"),
        pytest.param(
            of(live_service("web", namespace="old", http=FIRST)), {"web": service(FIRST)}, 2, id="another namespace"
        ),
        pytest.param(of(WEB), {"web": service(FIRST, name="site")}, 2, id="another name"),
        pytest.param(of(WEB, API), {"web": service(), "api": service(FIRST)}, 2, id="kept by Kubernetes"),
        pytest.param(
            of(WEB, API),
            {"web": service(service={"type": "ClusterIP"}), "api": service(FIRST)},
            2,
            id="taken from a Service that becomes a ClusterIP",
        ),
        pytest.param(
            of(live_service("web", http=FIRST, metrics=THIRD), API),
            {"web": service(SECOND, ports=further(metrics=FIRST)), "api": service(THIRD)},
            3,
            id="swapped, and between two ports of one Service",
        ),
    ],
)
def test_a_port_that_moves_is_refused_with_updates_that_move_it(live: Live, config: dict[str, Any], count: int) -> None:
    with pytest.raises(AssertionError, match="already allocated"):
        updated(live, parsed(config))
    [refusal] = refuse_taken_ports(parsed(config), live.values(), OURS)
    assert f"It takes {count} updates" in refusal.remedy
    after = config = {SERVICES: copy.deepcopy(config)}
    for step in refusal.remedy.split("`")[1::2]:
        *lines, last = step.split(" && ")
        assert last == "pulumi up"
        for line in lines:
            after = pasted(line, after)
        services = parsed(after[SERVICES])
        assert refuse_taken_ports(services, live.values(), OURS) == []
        live = updated(live, services)
    wanted = {
        settings.named(key): {
            port["name"]: port["nodePort"]
            for port in active_service(key, settings)["spec"]["ports"]
            if "nodePort" in port
        }
        for key, settings in parsed(config[SERVICES]).items()
    }
    for name, ports in wanted.items():
        assert ports.items() <= numbers(live)[str(name)].items()


@pytest.mark.parametrize(
    ("item", "whose"),
    [
        (live_service("payments", None, "shop", http=FIRST), "Service payments in namespace shop has"),
        (live_service("payments", THEIRS, "shop", http=FIRST), f"in namespace shop of stack {THEIRS} has"),
        # A Service of a colour has no number in the settings.
        (live_service("web-blue", http=FIRST) | {}, "Service web-blue in namespace default"),
    ],
)
def test_a_port_of_somebody_else_is_refused_with_its_service(item: dict[str, Any], whose: str) -> None:
    if item["metadata"]["name"] == "web-blue":
        item["metadata"]["labels"] = {"app": "web"}
    config = {"web": service(FIRST, ports=further(metrics=SECOND))}
    [refusal] = refuse_taken_ports(parsed(config), [item], OURS)
    assert refusal.step == f"{SERVICES}.web.nodePort: {FIRST}"
    assert whose in refusal.observed
    for command in (part for part in refusal.remedy.split("`") if part.startswith("pulumi config")):
        after = pasted(command, {SERVICES: config})[SERVICES]
        assert refuse_taken_ports(parsed(after), [item], OURS) == []


def test_an_adopted_service_stays_and_keeps_its_port() -> None:
    item = live_service("legacy", http=FIRST)
    item["metadata"]["annotations"][ADOPTED] = "true"
    [refusal] = refuse_taken_ports(parsed({"web": service(FIRST)}), [item], OURS)
    assert "Take another port" in refusal.remedy


def test_the_port_for_health_checks_counts_as_well() -> None:
    item = live_service("edge", None)
    item["spec"]["healthCheckNodePort"] = FIRST
    [refusal] = refuse_taken_ports(parsed({"web": service(FIRST)}), [item], OURS)
    assert "Service edge in namespace default has this node port" in refusal.observed


@pytest.mark.parametrize(
    "config",
    [
        {"web": service(FIRST), "api": service(SECOND)},
        {"web": service(), "api": service()},
        {"web": service(THIRD), "api": service(SECOND)},
        {"web": service(30950, ports=further(metrics=FIRST)), "api": service(SECOND)},
    ],
)
def test_ports_that_nobody_else_has_are_not_refused(config: dict[str, Any]) -> None:
    assert refuse_taken_ports(parsed(config), [WEB, API], OURS) == []


def test_a_renamed_stack_keeps_its_ports() -> None:
    former = live_service("web", THEIRS, http=FIRST)
    [refusal] = refuse_taken_ports(parsed({"api": service(FIRST)}), [former], OURS, THEIRS)
    assert "It takes 2 updates" in refusal.remedy


def test_two_taken_ports_get_two_free_ones() -> None:
    item = live_service("edge", None, a=FIRST, b=SECOND)
    refusals = refuse_taken_ports(parsed({"web": service(FIRST), "api": service(SECOND)}), [item], OURS)
    assert [str(THIRD) in str(refusal) for refusal in refusals] == [True, False]


def test_only_fixed_ports_ask_the_cluster() -> None:
    assert not has_fixed_ports(parsed({"web": service()}))
    assert has_fixed_ports(parsed({"web": service(ports=further(metrics=FIRST))}))


class Limited:
    """An API server that lets a user list the Services of some namespaces."""

    def __init__(self, *namespaces: str | None) -> None:
        self.namespaces = namespaces

    async def find_all(self, _resource: str, namespace: str | None, _labels: object) -> Any:
        if namespace not in self.namespaces:
            raise AccessDeniedError("list", "services", 403, "no")
        return {"items": [namespace]}


@pytest.mark.parametrize(
    ("allowed", "listed"), [((None, "shop"), [None]), (("shop",), ["shop"]), (("shop", "a"), ["a", "shop"]), ((), [])]
)
def test_who_may_not_list_all_services_lists_those_of_the_stack(allowed: Any, listed: list[Any]) -> None:
    api: Any = Limited(*allowed)
    assert asyncio.run(list_services(api, {"shop", "a"})) == listed


def test_the_port_of_a_removed_service_is_known_as_this_stack_s_by_its_identity() -> None:
    wanted = parsed({"web": service(FIRST)})
    own = live_service("api", IDENTIFIED, http=FIRST)
    [refusal] = refuse_taken_ports(wanted, [own], IDENTIFIED)
    assert "It takes 2 updates" in refusal.remedy
    # One that an earlier version wrote has no identity.
    [refusal] = refuse_taken_ports(wanted, [live_service("api", OURS, http=FIRST)], IDENTIFIED)
    assert "It takes 2 updates" in refusal.remedy
    namesake = live_service("api", Mark(OURS.project, OURS.stack, "4567"), http=FIRST)
    [refusal] = refuse_taken_ports(wanted, [namesake], IDENTIFIED)
    assert "Take another port" in refusal.remedy
