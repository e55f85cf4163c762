"""Which service gets a request, when several share a load balancer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render.ingress import Part, parts
from settings.ec2 import Route


def route(service: str, path: str = "/", host: str | None = None) -> Route:
    return Route(service=service, path=path, host=host)


def laid_out(*routes: Route) -> list[tuple[str, list[str]]]:
    found = parts(routes)
    assert [part.order for part in found] == list(range(1, len(found) + 1))
    return [(part.name, [f"{one.host or ''}{one.path}" for one in part.routes]) for part in found]


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
    routes: list[Route], expected: list[tuple[str, list[str]]]
) -> None:
    assert laid_out(*routes) == expected


def test_a_service_with_routes_on_both_sides_of_another_ones_has_two_ingresses() -> None:
    found = laid_out(route("a"), route("b", "/api"), route("a", "/api/v1"))
    assert found == [("a", ["/api/v1"]), ("b", ["/api"]), ("a.2", ["/"])]


def test_a_prefix_is_made_of_whole_parts_of_a_path() -> None:
    found = laid_out(route("a", "/api/v1"), route("b", "/apis"), route("a", "/api"))
    assert found == [("a", ["/api/v1", "/api"]), ("b", ["/apis"])]


def test_routes_of_different_hosts_are_not_in_each_others_way() -> None:
    found = laid_out(route("a", "/x", "a.org"), route("b", "/", "b.org"), route("a", "/", "a.org"))
    assert found == [("a", ["a.org/x", "a.org/"]), ("b", ["b.org/"])]


def takes(route: Route, host: str, path: str) -> bool:
    """Whether a route takes a request, as Kubernetes defines a prefix."""
    return route.host in (None, host) and f"{path.rstrip('/')}/".startswith(f"{route.path.rstrip('/')}/")


def winner(found: list[Part], host: str, path: str) -> str | None:
    """Who gets a request from the controller's rules: Ingress by Ingress, the longest path first in each host."""
    for part in found:
        in_order = sorted(part.routes, key=lambda one: (one.host is None, -len(one.path)))
        for one in in_order:
            if takes(one, host, path):
                return one.service
    return None


HOSTS = ["a.org", "b.org"]
PATHS = ["/", "/api", "/api/v1", "/api/v1/x", "/apis", "/shop"]
ROUTES = st.builds(
    Route, service=st.sampled_from(["a", "b", "c"]), host=st.sampled_from([None, *HOSTS]), path=st.sampled_from(PATHS)
)
UNIQUE = st.lists(ROUTES, min_size=1, max_size=8, unique_by=lambda one: (one.host, one.path))


@given(UNIQUE)
def test_whatever_the_routes_are_each_request_goes_by_the_closest_one(routes: list[Route]) -> None:
    found = parts(routes)
    assert sorted(map(str, routes)) == sorted(str(one) for part in found for one in part.routes)
    assert len({part.name for part in found}) == len(found)
    for host in (*HOSTS, "c.org"):
        for path in (*PATHS, "/api/v2", "/else"):
            closest = max(
                (one for one in routes if takes(one, host, path)),
                key=lambda one: (one.host is not None, len(one.path)),
                default=None,
            )
            assert winner(found, host, path) == (closest and closest.service)


@given(UNIQUE)
def test_a_service_has_one_ingress_unless_another_ones_route_lies_between_two_of_its_own(routes: list[Route]) -> None:
    one_service = [route("a", one.path, one.host) for one in routes]
    assert [part.name for part in parts(one_service)] == ["a"]
