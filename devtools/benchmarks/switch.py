"""One switch of colour, by three ways, on the same cluster in the same run, in shuffled order."""

import random
from pathlib import Path

from devtools.benchmarks.measure import SelectorWatch, Timing, time_switch
from devtools.benchmarks.peers import selector_ways
from devtools.sandbox import Sandbox


def run(sandbox: Sandbox, directory: Path, runs: int) -> dict[str, list[Timing]]:
    """Switches `runs` times by each way; returns the timings by way."""
    ways = selector_ways(sandbox, directory)
    timings: dict[str, list[Timing]] = {way.name: [] for way in ways}
    turns = [way for way in ways for _ in range(runs)]
    random.shuffle(turns)
    for way in turns:
        to = way.turn()
        with SelectorWatch(str(sandbox.kubeconfig), way.namespace) as watch:
            timing = time_switch(lambda: way.start(to), watch, to)  # noqa: B023
        timings[way.name].append(timing)
        print(f"{way.name}: selector {timing.selector:.3f} s, done {timing.done:.3f} s", flush=True)
    return timings
