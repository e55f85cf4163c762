"""Which service gets a request, when several share a load balancer."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from switchyard.config.models.load_balancer import LoadBalancerRoute
from switchyard.manifests.ingress_routes import RoutePart, earlier, parts


def route(service: str, path: str = "/", host: str | None = None) -> LoadBalancerRoute:
    return LoadBalancerRoute(service=service, path=path, host=host)


def laid_out(*routes: LoadBalancerRoute) -> list[tuple[str, list[str]]]:
    ingresses = parts(routes)
    assert [part.order for part in ingresses] == sorted(part.order for part in ingresses)
    return [(part.name, [f"{each.host or ''}{each.path}" for each in part.routes]) for part in ingresses]


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([route("a"), route("b", "/b")], [("b", ["/b"]), ("a", ["/"])]),
        ([route("a"), route("a", "/v1"), route("b", "/b")], [("b", ["/b"]), ("a", ["/v1", "/"])]),
        ([route("a"), route("b", "/", "b.org")], [("b", ["b.org/"]), ("a", ["/"])]),
        ([route("a", "/", "a.org"), route("b", "/x", "b.org")], [("b", ["b.org/x"]), ("a", ["a.org/"])]),
    ],
)
def test_a_request_goes_by_the_closest_route_whatever_their_order_in_the_settings(
    routes: list[LoadBalancerRoute], expected: list[tuple[str, list[str]]]
) -> None:
    assert laid_out(*routes) == expected


def test_a_service_with_routes_on_both_sides_of_another_ones_has_two_ingresses() -> None:
    ingresses = laid_out(route("a"), route("b", "/api"), route("a", "/api/v1"))
    assert ingresses == [("a.2", ["/api/v1"]), ("b", ["/api"]), ("a", ["/"])]


def test_a_prefix_matches_whole_path_segments() -> None:
    ingresses = laid_out(route("a", "/api/v1"), route("b", "/apis"), route("a", "/api"))
    assert ingresses == [("a", ["/api/v1", "/api"]), ("b", ["/apis"])]


def test_the_order_of_an_ingress_is_that_of_its_widest_route_and_within_limits() -> None:
    deep = "/x" * 63
    ingresses = parts(
        [route("a"), route("a", "/a"), route("b", deep), route("c", "/", "c.org"), route("d", deep, "d.org")]
    )
    assert {part.name: part.order for part in ingresses} == {"a": 900, "b": 837, "c": 400, "d": 337}


def test_an_ingress_is_written_after_closer_ones_for_the_same_requests_and_after_no_other() -> None:
    ingresses = parts(
        [route("a"), route("a", "/api/v1"), route("b", "/api"), route("c", "/c", "c.org"), route("d", "/d")]
    )
    waiting = {part.name: set(earlier(part, ingresses)) for part in ingresses}
    assert waiting == {"c": set(), "a.2": set(), "b": {"a.2"}, "d": set(), "a": {"a.2", "b", "c", "d"}}


def takes(route: LoadBalancerRoute, host: str, path: str) -> bool:
    """Whether a route takes a request, as Kubernetes defines a prefix."""
    return route.host in (None, host) and f"{path.rstrip('/')}/".startswith(f"{route.path.rstrip('/')}/")


def winner(ingresses: list[RoutePart], host: str, path: str) -> str | None:
    """Who gets a request from the controller's rules: Ingress by Ingress, the longest path first in each host."""
    for part in ingresses:
        in_order = sorted(part.routes, key=lambda each: (each.host is None, -len(each.path)))
        for candidate in in_order:
            if takes(candidate, host, path):
                return candidate.service
    return None


HOSTS = ["a.org", "b.org"]
PATHS = ["/", "/api", "/api/v1", "/api/v1/x", "/apis", "/shop"]
ROUTES = st.builds(
    LoadBalancerRoute,
    service=st.sampled_from(["a", "b", "c"]),
    host=st.sampled_from([None, *HOSTS]),
    path=st.sampled_from(PATHS),
)
UNIQUE = st.lists(ROUTES, min_size=1, max_size=8, unique_by=lambda each: (each.host, each.path))


@given(UNIQUE)
def test_whatever_the_routes_are_each_request_goes_by_the_closest_one(routes: list[LoadBalancerRoute]) -> None:
    ingresses = parts(routes)
    assert sorted(map(str, routes)) == sorted(str(each) for part in ingresses for each in part.routes)
    assert len({part.name for part in ingresses}) == len(ingresses)
    for host in (*HOSTS, "c.org"):
        for path in (*PATHS, "/api/v2", "/else"):
            closest = max(
                (each for each in routes if takes(each, host, path)),
                key=lambda each: (each.host is not None, len(each.path)),
                default=None,
            )
            assert winner(ingresses, host, path) == (closest and closest.service)


@given(UNIQUE)
def test_a_service_has_one_ingress_unless_another_ones_route_lies_between_two_of_its_own(
    routes: list[LoadBalancerRoute],
) -> None:
    of_one_service = [route("a", each.path, each.host) for each in routes]
    assert [part.name for part in parts(of_one_service)] == ["a"]


def others(routes: list[LoadBalancerRoute]) -> list[LoadBalancerRoute]:
    return [each for each in routes if each.service != "c"]


@given(UNIQUE)
def test_an_added_or_removed_service_changes_only_ingresses_around_its_routes(
    routes: list[LoadBalancerRoute],
) -> None:
    before, after = parts(routes), parts(others(routes))
    numbers = [part.service for part in before]
    assert [part for part in before if part.service != "c" and numbers.count(part.service) == 1] == [
        part for part in after if numbers.count(part.service) == 1
    ]


def states(before: list[RoutePart], after: list[RoutePart]) -> list[list[RoutePart]]:
    """What is there in an update, which writes each Ingress after the earlier ones, and deletes at the end.

    Those that wait for no other may be written in any order; here it is that of the rules.
    """
    there = {part.name: part for part in before}
    observed = []
    for number, part in enumerate(after):
        assert set(earlier(part, after)) <= {ingress.name for ingress in after[:number]}
        there[part.name] = part
        observed.append(list(there.values()))
    for name in reversed([part.name for part in before]):
        if name not in {part.name for part in after}:
            del there[name]
            observed.append(list(there.values()))
    return [sorted(state, key=lambda part: (part.order, part.name)) for state in observed]


def assert_served(before: list[RoutePart], after: list[RoutePart]) -> None:
    """At any time a request goes where it went before the update, or where it goes after it."""
    for there in states(before, after):
        for host in (*HOSTS, "c.org"):
            for path in (*PATHS, "/api/v2", "/else"):
                ends = {winner(before, host, path), winner(after, host, path)}
                assert winner(there, host, path) in ends


@given(UNIQUE)
def test_no_request_is_misrouted_while_a_service_is_added(routes: list[LoadBalancerRoute]) -> None:
    assert_served(parts(others(routes)), parts(routes))


@given(UNIQUE)
def test_no_request_is_misrouted_while_a_service_is_removed(
    routes: list[LoadBalancerRoute],
) -> None:
    after = parts(others(routes))
    assume(len({part.service for part in after}) == len(after))
    assert_served(parts(routes), after)
