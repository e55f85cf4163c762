"""A switch whose weights are not written says what serves, and that is true whichever writes failed."""

import asyncio
import itertools
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import AsyncMock

from switchyard.config.models.service import Colour
from switchyard.errors import UnreachableError
from switchyard.release.plan import Act, Plan
from switchyard.release.switch.switching import switching_of
from switchyard.release_errors import WeightsNotWrittenError
from tests.support.weighted_service import ingress, receivers, weighted

ANSWERS = ("answered", "not done", "answer lost")
LARGEST = 6
"""Number of writes of the longest run: three forward, and three back."""


@dataclass
class Api:
    """A Service and two Ingresses, all of which have blue, and the answer to each write after the first one.

    Attributes:
        answers: one of `ANSWERS` for each write.
        colours: the colour that each object has.
        writes: number of writes so far.
    """

    answers: tuple[str, ...]
    colours: dict[tuple[str, str], str] = field(
        default_factory=lambda: dict.fromkeys((("services", "backend"), ("ingresses", "a"), ("ingresses", "b")), "blue")
    )
    writes: int = 0

    async def ask(
        self, _: str, resource: str, name: str, *__: str, params: dict[str, str], content: str, **___: Any
    ) -> Any:
        if "dryRun" in params:
            return {}
        answer, manifest = self.answers[self.writes], json.loads(content)
        self.writes += 1
        if answer != "not done":
            selected = manifest["spec"].get("selector", {}).get("version")
            self.colours[resource, name] = selected or receivers(manifest)[0].removeprefix("backend-")
        if answer != "answered":
            raise UnreachableError("no answer")
        return {}

    async def find(self, resource: str, name: str, *_: str) -> Any:
        colour = Colour(self.colours[resource, name])
        return weighted(colour).live if resource == "services" else ingress(colour, name=name)


@dataclass
class Cluster:
    api: Api


def switch(api: Api) -> str | None:
    """Switches to green. Returns the message if the weights were not written."""
    cluster: Any = Cluster(api)
    observation = replace(weighted(), ingresses=(ingress(Colour.BLUE, name="a"), ingress(Colour.BLUE, name="b")))
    try:
        plan = Plan(Act.SWITCH, observation, Colour.GREEN)
        asyncio.run(switching_of(cluster, observation).patch(plan, AsyncMock()))
    except WeightsNotWrittenError as error:
        return str(error)
    return None


def test_what_serves_is_as_the_message_says_whichever_writes_had_no_answer() -> None:
    ends = Counter[str]()
    for answers in itertools.product(ANSWERS, repeat=LARGEST - 1):
        api = Api(("answered", *answers))
        message = switch(api)
        service, *ingresses = api.colours.values()
        if message is None:
            assert answers[:2] == ("answered",) * 2
            assert (service, ingresses) == ("green", ["green"] * 2)
        elif "Service backend selects blue again, as before, and so does the load balancer." in message:
            ends["reverted"] += 1
            assert (service, ingresses) == ("blue", ["blue"] * 2)
        elif "The load balancer sends to blue, as before. Whether Service backend selects blue again or" in message:
            ends[f"unknown, {service}"] += 1
            assert ingresses == ["blue"] * 2
            assert "still green is not known; what serves: switchyard status." in message
        else:
            ends["not reverted"] += 1
            assert "Service backend selects green; the load balancer may still send to blue." in message
            assert service == "green", "the Service is reverted last, so that it decides at each moment"
    assert set(ends) == {"reverted", "unknown, blue", "unknown, green", "not reverted"}
