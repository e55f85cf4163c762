"""The conditions under which the load balancer may switch a service."""

from typing import Any

import pytest

from switchyard.config.loader import load
from switchyard.config.models.service import BlueGreenSettings
from switchyard.config.models.switch_engine import SwitchEngine
from tests.support.configuration import BACKEND, EXISTING, changed, error_lines, read

EC2: dict[str, Any] = {
    "kind": "ec2",
    "name": "staging",
    "network": {"administrators": ["203.0.113.7/32"]},
}
BEFORE_IT = EC2 | {"loadBalancer": {"routes": [{"service": "backend"}]}}
AT = "switchyard:services.backend.switchEngine"
SET = f"Set it: pulumi config set --path '{AT}' selector"


def backend(engine: str | None = None, **more: Any) -> dict[str, Any]:
    return {"backend": changed("nodePort", 30080) | ({} if engine is None else {"switchEngine": engine}) | more}


def test_the_selector_switches_unless_something_else_is_said() -> None:
    assert read({"backend": BACKEND}).services["backend"].engine is SwitchEngine.SELECTOR


@pytest.mark.parametrize("engine", ["albTargets", "albWeights"])
def test_alb_weights_are_accepted_with_a_load_balancer_that_routes_to_the_service(engine: str) -> None:
    assert load(BEFORE_IT, backend(engine), "staging").services["backend"].engine == engine


@pytest.mark.parametrize("engine", ["albTargets", "albWeights"])
@pytest.mark.parametrize("cluster", [EXISTING, EC2], ids=["existing", "without a load balancer"])
def test_alb_weights_are_refused_without_a_load_balancer(cluster: dict[str, Any], engine: str) -> None:
    assert error_lines(backend(engine), cluster) == [
        f"{AT}: '{engine}': needs switchyard:cluster.kind ec2 with a loadBalancer, whose target groups it is about. "
        + SET
    ]


def test_alb_weights_are_refused_without_a_route_to_the_service() -> None:
    services = backend("albWeights") | {"other": BACKEND | {"nodePort": 30081}}
    cluster = EC2 | {"loadBalancer": {"routes": [{"service": "other"}]}}
    assert error_lines(services, cluster) == [
        f"{AT}: 'albWeights': needs a route of the load balancer to the service. Add one to "
        f"switchyard:cluster.loadBalancer.routes, - {{service: backend}}, or take the default. {SET}"
    ]


def test_an_error_in_the_load_balancer_is_reported_once() -> None:
    cluster = EC2 | {"loadBalancer": {"routes": "backend"}}
    (line,) = error_lines(backend("albWeights"), cluster)
    assert line.startswith("switchyard:cluster.loadBalancer.routes")


def test_an_unknown_switch_engine_is_reported_with_the_known_ones() -> None:
    (line,) = error_lines(backend("albWeight"), BEFORE_IT)
    assert line.startswith(f"{AT}: 'albWeight': allowed: selector, albTargets, albWeights")


def test_a_switch_engine_beside_another_strategy_has_no_effect() -> None:
    services = backend("albWeights", strategy="canary", tag="v2.0.0", replicas=10)
    service = load(EXISTING, services, "test").services["backend"]
    assert not isinstance(service, BlueGreenSettings)
    assert (service.switch_engine, service.engine) == (SwitchEngine.ALB_WEIGHTS, SwitchEngine.SELECTOR)
