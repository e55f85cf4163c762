"""The refusals of the gates for given observations."""

import pytest

from switchyard.config.models.containers import ContainerPort
from switchyard.config.models.service import BlueGreenSettings, Colour, ColourSettings, Track
from switchyard.config.models.smoke import SmokeCheck
from switchyard.gates.rules.release import (
    refuse_adoption,
    refuse_fewer_replicas,
    refuse_in_place,
    refuse_other_ports,
    refuse_retire,
    refuse_smoke,
    refuse_switch,
    wanted_ready,
)
from switchyard.gates.rules.reports import shared_selector
from switchyard.gates.smoke import by_failure, mismatch
from switchyard.kube.api import ProxyAnswer
from switchyard.kube.objects import Endpoint, Pod, PodsChange
from switchyard.kube.selectors import gets_traffic, serving_track
from switchyard.manifests.labels import selector

BLUE, GREEN = Track.BLUE, Track.GREEN
TO_BLUE, TO_GREEN = selector("backend", BLUE), selector("backend", GREEN)
ANOTHER_TEMPLATE = PodsChange(template=True, before=3, after=3)


def service(percent: int = 100, green: int = 3, *, in_place: bool = False, adopt: bool = False) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(
        {
            "image": "org/backend",
            "active": "green",
            "blue": {"tag": "v1", "replicas": 3},
            "green": {"tag": "v2", "replicas": green},
            "gate": {"minReadyPercentOfServing": percent},
            "allowInPlaceUpdate": in_place,
            "adoptExistingService": adopt,
        }
    )


def endpoints(colour: str, ready: int, not_ready: int = 0) -> list[Endpoint]:
    states = [True] * ready + [False] * not_ready
    return [Endpoint(f"backend-{colour}-{number}", "worker", state) for number, state in enumerate(states)]


def pods(colour: str, ready: int, not_ready: int = 0) -> list[Pod]:
    return [Pod(end.pod, end.ready, "so") for end in endpoints(colour, ready, not_ready)]


def names(colour: str, count: int) -> set[str]:
    return {pod.name for pod in pods(colour, count)}


@pytest.mark.parametrize(
    ("percent", "replicas", "serving", "wanted"), [(100, 3, 3, 3), (100, 3, 5, 5), (50, 2, 3, 2), (0, 1, 9, 1)]
)
def test_a_colour_needs_what_it_was_asked_for_and_its_share_of_what_serves(
    percent: int, replicas: int, serving: int, wanted: int
) -> None:
    assert wanted_ready(service(percent, replicas), GREEN, serving) == wanted


def test_a_switch_to_too_few_ready_endpoints_is_refused_and_says_where_to_look() -> None:
    observed = endpoints("green", 2, not_ready=1)
    text = str(refuse_switch("backend", service(), GREEN, observed, names("green", 3), 3))
    assert "the switch to green is refused (SY-S001): Service backend-green has 2 ready endpoints; it needs 3" in text
    assert "kubectl -n default get pods -l app=backend,version=green" in text


def test_a_switch_to_enough_ready_endpoints_is_not_refused() -> None:
    assert refuse_switch("backend", service(), GREEN, endpoints("green", 3), names("green", 3), 3) is None


def test_ready_pods_of_another_version_do_not_count_and_must_be_gone_before_the_switch() -> None:
    observed = [*endpoints("green", 3), *endpoints("old", 2)]
    text = str(refuse_switch("backend", service(), GREEN, observed, names("green", 3), 3))
    assert "has 3 ready endpoints, and 2 of pods of another version; it needs 3" in text
    assert refuse_switch("backend", service(), GREEN, endpoints("old", 3), names("green", 3), 3) is not None


def test_a_switch_to_fewer_replicas_than_serve_is_refused_from_the_configuration_alone() -> None:
    assert "green.replicas is 2" in str(refuse_fewer_replicas("backend", service(green=2), GREEN, BLUE, 3))
    assert refuse_fewer_replicas("backend", service(50, green=2), GREEN, BLUE, 3) is None


def test_a_failed_smoke_test_is_refused_with_every_failure() -> None:
    text = str(refuse_smoke("backend", service(), GREEN, ["one", "two"]))
    assert "the smoke test failed: one, two" in text
    assert refuse_smoke("backend", service(), GREEN, []) is None


def test_a_service_to_be_adopted_counts_as_what_serves() -> None:
    text = str(refuse_fewer_replicas("backend", service(green=2), GREEN, None, 4))
    assert "green.replicas is 2, but Service backend serves with 4 ready pods" in text


def test_pods_that_serve_are_not_changed_in_place_unless_that_is_allowed() -> None:
    assert "green is serving" in str(refuse_in_place("backend", service(), Colour.GREEN, TO_GREEN))
    assert refuse_in_place("backend", service(), Colour.GREEN, TO_BLUE) is None
    assert refuse_in_place("backend", service(), Colour.GREEN, None) is None
    assert refuse_in_place("backend", service(in_place=True), Colour.GREEN, TO_GREEN) is None


def test_pods_that_serve_behind_a_selector_of_somebody_else_are_not_changed_in_place() -> None:
    assert refuse_in_place("backend", service(), Colour.GREEN, {"app": "backend"}) is not None


def test_a_refused_change_in_place_names_what_a_colour_has_of_its_own_and_the_remedy() -> None:
    text = str(refuse_in_place("backend", service(), Colour.GREEN, TO_GREEN))
    keys = [field.alias or key for key, field in ColourSettings.model_fields.items()]
    assert f"Each colour has its own {', '.join(keys)}: make such a change in blue" in text
    assert "secretEnv" in text
    assert "secret_env" not in text
    assert "set it in the same update that makes blue active; green is updated after the switch" in text


@pytest.mark.parametrize(
    ("selected", "track"),
    [
        (selector("backend", Track.ROLLOUT), Track.ROLLOUT),
        (TO_BLUE, BLUE),
        (TO_GREEN, GREEN),
        (None, None),
        ({}, None),
        ({"app": "backend"}, None),
        ({"app": "another", "version": "blue"}, None),
        ({**TO_BLUE, "tier": "web"}, None),
    ],
)
def test_a_colour_serves_only_by_exactly_its_own_selector(selected: dict[str, str] | None, track: Track | None) -> None:
    assert serving_track("backend", selected) == track


@pytest.mark.parametrize(
    ("selected", "gets"),
    [(TO_BLUE, True), (TO_GREEN, False), ({"app": "backend"}, True), ({}, False), (None, False), ({"app": "x"}, False)],
)
def test_pods_get_traffic_from_every_selector_that_matches_them(selected: dict[str, str] | None, *, gets: bool) -> None:
    assert gets_traffic("backend", BLUE, selected) == gets


def test_a_service_that_is_not_ours_is_not_adopted_unless_that_is_allowed() -> None:
    text = str(refuse_adoption("backend", service(), {"run": "legacy"}))
    assert "namespace default has one already, which selects run=legacy" in text
    assert "services.backend.adoptExistingService' true" in text
    assert "which selects nothing" in str(refuse_adoption("backend", service(), {}))
    assert refuse_adoption("backend", service(adopt=True), {"run": "legacy"}) is None
    assert refuse_adoption("backend", service(), TO_BLUE) is None
    assert refuse_adoption("backend", service(), None) is None


def test_a_service_with_ports_that_no_pod_would_answer_on_is_not_adopted() -> None:
    refusal = str(refuse_other_ports("backend", service(), (443, 8000, 80)))
    assert "it has port 80, 443; this stack serves port 8000 of the Service, and other ports would stay" in refusal
    assert refuse_other_ports("backend", service(), (8000,)) is None
    further = {"metrics": ContainerPort(container_port=9090, service_port=9100)}
    assert refuse_other_ports("backend", service().model_copy(update={"ports": further}), (8000, 9100)) is None


@pytest.mark.parametrize("ports", [(80,), (80, 9100)])
def test_one_other_port_of_an_adopted_service_can_be_its_first(ports: tuple[int, ...]) -> None:
    further = {"metrics": ContainerPort(container_port=9090, service_port=9100)}
    settings = service().model_copy(update={"ports": further})
    command = "pulumi config set --path 'switchyard:services.backend.servicePort' 80"
    assert command in str(refuse_other_ports("backend", settings, ports))
    assert refuse_other_ports("backend", settings.model_copy(update={"service_port": 80}), ports) is None


@pytest.mark.parametrize("ports", [(80, 443), (80, 8000)])
def test_several_other_ports_of_an_adopted_service_are_further_ports(ports: tuple[int, ...]) -> None:
    """With one of them as its first port, the update would be refused again for the others."""
    refusal = str(refuse_other_ports("backend", service(), ports))
    assert "add each to ports of backend, with its number as servicePort" in refusal
    assert "pulumi config set" not in refusal


def test_a_selector_that_matches_the_new_pods_as_well_is_warned_of() -> None:
    assert "takes traffic as soon as it is ready" in str(shared_selector("backend", GREEN, {"app": "backend"}))
    assert shared_selector("backend", GREEN, {"run": "legacy"}) is None
    assert shared_selector("backend", GREEN, TO_GREEN) is None
    assert shared_selector("backend", GREEN, None) is None


def test_the_idle_colour_keeps_its_pods_while_the_cluster_selects_it() -> None:
    behind = endpoints("blue", 3)
    refusal = refuse_retire("backend", service(), Colour.BLUE, TO_BLUE, behind, pods("blue", 3), ANOTHER_TEMPLATE)
    assert "selects blue, not green as the stack has it" in str(refusal)
    refusal = refuse_retire(
        "backend", service(), Colour.BLUE, {"app": "backend"}, behind, pods("blue", 3), ANOTHER_TEMPLATE
    )
    assert "selects app=backend, not green as the stack has it" in str(refusal)


def test_the_idle_colour_keeps_its_pods_while_they_are_endpoints() -> None:
    behind = [*endpoints("green", 3), *endpoints("blue", 1)]
    assert "1 of its pods are still endpoints" in str(
        refuse_retire("backend", service(), Colour.BLUE, TO_GREEN, behind, pods("blue", 3), ANOTHER_TEMPLATE)
    )
    # What the EndpointSlices say counts, also when the pod has just turned unready.
    assert (
        refuse_retire("backend", service(), Colour.BLUE, TO_GREEN, behind, pods("blue", 0, 1), ANOTHER_TEMPLATE)
        is not None
    )


def test_the_idle_colour_keeps_its_ready_pods_until_the_active_one_serves_with_all_of_its() -> None:
    short = endpoints("green", 2)
    assert "has 2 ready endpoints" in str(
        refuse_retire("backend", service(), Colour.BLUE, TO_GREEN, short, pods("blue", 3), ANOTHER_TEMPLATE)
    )
    full = endpoints("green", 3)
    assert refuse_retire("backend", service(), Colour.BLUE, TO_GREEN, full, pods("blue", 3), ANOTHER_TEMPLATE) is None


@pytest.mark.parametrize(
    ("ready", "not_ready", "change", "refused"),
    [
        (0, 0, PodsChange(template=True, before=0, after=3), False),
        (0, 3, PodsChange(template=True, before=3, after=3), False),
        (0, 3, PodsChange(template=False, before=3, after=0), False),
        (1, 2, PodsChange(template=False, before=3, after=1), False),
        (1, 2, PodsChange(template=False, before=3, after=0), True),
        (1, 2, PodsChange(template=True, before=3, after=3), True),
    ],
)
def test_a_short_active_colour_keeps_only_ready_pods_of_the_idle_one(
    ready: int, not_ready: int, change: PodsChange, *, refused: bool
) -> None:
    short, idle = endpoints("green", 1), pods("blue", ready, not_ready)
    refusal = refuse_retire("backend", service(), Colour.BLUE, TO_GREEN, short, idle, change)
    assert (refusal is not None) == refused


def test_a_failure_of_the_smoke_test_is_reported_once_with_the_pods_that_had_it() -> None:
    lines = by_failure({"b": ["slow"], "a": ["slow", "wrong"], "c": [], "d": ["slow"], "e": ["slow"]})
    assert lines == ["slow on a, b, d and 1 more", "wrong on a"]


@pytest.mark.parametrize(
    ("check", "answer", "expected"),
    [
        (SmokeCheck(path="/ready"), ProxyAnswer(200, "ok"), None),
        (SmokeCheck(path="/ready"), ProxyAnswer(503, "a  b"), "GET /ready answered 503, expected 200: 'a b'"),
        (SmokeCheck(path="/", status=301), ProxyAnswer(301, ""), None),
        (SmokeCheck(path="/", body_matches="v[23]"), ProxyAnswer(200, "is v2"), None),
        (SmokeCheck(path="/", body_matches="^v2"), ProxyAnswer(200, "v1"), "GET / has no match for '^v2' in: 'v1'"),
    ],
)
def test_an_answer_is_compared_with_the_expectation_of_the_check(
    check: SmokeCheck, answer: ProxyAnswer, expected: str | None
) -> None:
    assert mismatch(check, answer) == expected
