"""The cost of a command: wall time, CPU time and memory of all its processes, in total and by role."""

import resource
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import psutil

from devtools.benchmarks.measure import family, role_of, runs

SAMPLE_SECONDS = 0.1
"""Seconds between two samples. CPU time of a process after its last sample is in the total, but in no role's share."""


@dataclass(frozen=True)
class Cost:
    """One run of a command.

    Attributes:
        seconds: wall time from the start to the end.
        cpu: processor time of all its processes, user and system, in seconds.
        memory: the most memory that its processes had at once, MiB of RSS.
        cpu_by_role: processor time of the engine, its language host, the program and the provider, as sampled.
        memory_by_role: the most memory of each.
    """

    seconds: float
    cpu: float
    memory: float
    cpu_by_role: dict[str, float] = field(default_factory=dict)
    memory_by_role: dict[str, float] = field(default_factory=dict)


def cost_of(start: Callable[[], "subprocess.Popen[str]"], accepted: Iterable[int] = (0,)) -> Cost:
    """Runs a command and measures it. Nothing else may end as a child of this process meanwhile.

    Args:
        start: starts the command, with its output on a pipe.
        accepted: exit codes of a run that counts.

    Raises:
        RuntimeError: the command ended with another exit code; the text is what it printed.
    """
    before, begun = _children_cpu(), time.monotonic()
    process = start()
    sampler = _Sampler(psutil.Process(process.pid))
    sampler.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - begun
    sampler.join()
    if process.returncode not in accepted:
        raise RuntimeError(output)
    return Cost(seconds, _children_cpu() - before, sampler.memory, sampler.cpu_by_role(), sampler.memory_by_role)


def _children_cpu() -> float:
    """Processor time of all ended children and of their children, because the engine waits for its plugins."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _Sampler(threading.Thread):
    """Samples a command and its descendants until it ends."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__()
        self.memory = 0.0
        self.memory_by_role: dict[str, float] = {}
        self._process = process
        self._cpu: dict[int, tuple[str, float]] = {}

    def run(self) -> None:
        while runs(self._process):
            now: dict[str, float] = defaultdict(float)
            for member in family(self._process):
                try:
                    with member.oneshot():
                        role, times = role_of(member), member.cpu_times()
                        now[role] += member.memory_info().rss / 2**20
                except psutil.Error:
                    continue  # it ended between two samples
                self._cpu[member.pid] = role, times.user + times.system
            self.memory = max(self.memory, sum(now.values()))
            for role, amount in now.items():
                self.memory_by_role[role] = max(self.memory_by_role.get(role, 0), amount)
            time.sleep(SAMPLE_SECONDS)

    def cpu_by_role(self) -> dict[str, float]:
        """Processor time by role, of each process as it was last seen."""
        sums: dict[str, float] = defaultdict(float)
        for role, seconds in self._cpu.values():
            sums[role] += seconds
        return dict(sums)
