"""Runs `switchyard analyze` for a blue/green service: a short watch of the version that serves."""

from dataclasses import dataclass, replace
from typing import Any

from rich.table import Table
from rich.text import Text

from switchyard.cli.release_cluster import observe_service
from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.errors import with_code
from switchyard.kube.access import ClusterAccess
from switchyard.kube.clock import ServerClock
from switchyard.kube.cluster import Cluster
from switchyard.release.plan import ColourState
from switchyard.release.record.verdict_numbers import WatchedVerdict
from switchyard.release.watch.verdict import Outcome, Verdict
from switchyard.release.watch.watch import watch

FORM_VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""


@dataclass(frozen=True)
class ColourAnalysis:
    """The verdict about the colour that serves.

    Attributes:
        colour: the colour, with its version and pods.
        source: address of Prometheus; None if the metrics were read from the pods.
        verdict: the verdict that a watch would have now.
        numbers: numbers of the verdict, as the record of a release has them.
    """

    colour: ColourState
    source: str | None
    verdict: Verdict
    numbers: dict[str, Any]

    @property
    def is_good(self) -> bool:
        """Whether the version would pass the watch."""
        return self.verdict.outcome is Outcome.PASS

    @property
    def text(self) -> str:
        """The verdict as a sentence, with its code."""
        verdict = self.verdict
        return verdict.sentence if verdict.code is None else with_code(verdict.code, verdict.sentence)

    def document(self, stack: str, key: str) -> dict[str, Any]:
        """The document that `--json` prints."""
        return {
            "version": FORM_VERSION,
            "stack": stack,
            "service": key,
            "strategy": "blueGreen",
            "colour": self.colour.colour.value,
            "tag": self.colour.tag,
            "prometheus": self.source,
            "succeeded": self.is_good,
            "sentence": self.verdict.sentence,
            "code": self.verdict.code,
            **self.numbers,
        }

    def table(self, stack: str, key: str) -> Table:
        """The table of the watch's questions, with one line for each."""
        where = self.source or "the pods' own metrics"
        title = f"stack {stack}, service {key}, {self.colour}, {where}, {self.verdict.seconds:.0f} s"
        table = Table(title=Text(title), title_justify="left")
        for column in ("question", "requests", "failed or slow", "accepted", "state"):
            table.add_column(column, overflow="fold")  # a narrow terminal cuts no text
        for finding in self.verdict.findings:
            accepted = f"{100 * finding.accepted:.2g} %"
            table.add_row(finding.question, str(finding.total), str(finding.hits), accepted, finding.state.value)
        return table


async def analyse(
    access: ClusterAccess, stack: str, key: str, service: BlueGreenSettings, prometheus: str | None, seconds: int
) -> ColourAnalysis:
    """Watches the colour that serves, compares it with the other one, and judges it as after a switch.

    Args:
        access: the cluster.
        stack: name of the stack.
        key: key of the service in the configuration.
        service: settings of the service.
        prometheus: address of a Prometheus to use; None for the configured source.
        seconds: duration of the watch in seconds.

    Raises:
        switchyard.errors.GateRefusedError: the Service is not the stack's, or selects neither colour.
        switchyard.errors.ClusterError: the cluster does not answer.
    """
    own = service.release.watch
    settings = own.model_copy(update={"seconds": seconds, "prometheus": prometheus or own.prometheus})
    watched = service.model_copy(update={"release": service.release.model_copy(update={"watch": settings})})
    name, cluster = service.named(key), await Cluster.connect(access)
    observation = await observe_service(cluster, access, stack, name, service)
    clock = await ServerClock.ask(cluster.api)
    on_tick = WatchedVerdict(clock.now, lambda _: None)
    verdict = await watch(access, name, watched, on_tick, track=Track(observation.serving))
    if not verdict.seconds and verdict.outcome is Outcome.PASS:
        verdict = replace(verdict, outcome=Outcome.UNDECIDED)  # nothing was watched, and nothing is known
    serving = observation.colours[observation.serving]
    return ColourAnalysis(serving, settings.prometheus, verdict, on_tick.numbers(verdict, settings))
