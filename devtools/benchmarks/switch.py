"""One switch of colour, by three methods, on the same cluster in the same run, in shuffled order."""

import random
from pathlib import Path

from devtools.benchmarks.measure import SelectorWatch, Timing, time_switch
from devtools.benchmarks.peers import selector_methods
from devtools.sandbox import Sandbox


def run(sandbox: Sandbox, directory: Path, runs: int) -> dict[str, list[Timing]]:
    """Switches `runs` times by each method; returns the timings by method."""
    methods = selector_methods(sandbox, directory)
    timings: dict[str, list[Timing]] = {method.name: [] for method in methods}
    order = [method for method in methods for _ in range(runs)]
    random.shuffle(order)
    for method in order:
        to = method.next_colour()
        with SelectorWatch(str(sandbox.kubeconfig), method.namespace) as watch:
            timing = time_switch(lambda: method.start(to), watch, to)  # noqa: B023
        timings[method.name].append(timing)
        print(f"{method.name}: selector {timing.selector:.3f} s, done {timing.done:.3f} s", flush=True)
    return timings
