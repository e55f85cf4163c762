"""Clocks and counters: when a selector changed, when a command was done, how much memory it took."""

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import psutil

from devtools.toolchain.paths import binary

SAMPLE_SECONDS = 0.02
"""Pause between two samples of the memory of a command's processes."""


class SelectorWatch:
    """Notes when the selector of Service `backend` becomes another colour, by a watch."""

    def __init__(self, kubeconfig: str, namespace: str) -> None:
        command = [str(binary("kubectl")), "--kubeconfig", kubeconfig, "-n", namespace]
        command += ["get", "service", "backend", "--watch", "-o", "jsonpath={.spec.selector.version}{'\\n'}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._changed = threading.Condition()
        self._colour = ""
        self._at = 0.0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        self.wait_for(None)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()

    def wait_for(self, colour: str | None) -> float:
        """When the selector became a colour, monotonic seconds; waits at most a minute for it."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._colour == colour or (colour is None and self._colour), 60):
                raise TimeoutError(f"the selector never became {colour}")
            return self._at

    def _read(self) -> None:
        for line in self._process.stdout or ():
            now = time.monotonic()
            with self._changed:
                if line.strip() != self._colour:
                    self._colour, self._at = line.strip(), now
                    self._changed.notify_all()


@dataclass
class Peak:
    """The peak memory of the processes of a command, MiB of RSS, in total and by role."""

    total: float = 0
    roles: dict[str, float] = field(default_factory=dict)


ROLES = {
    "pulumi": "engine",
    "pulumi-language-python": "language host",
    "pulumi-resource-kubernetes": "provider",
}


def role_of(process: psutil.Process) -> str:
    """The role of one process of a command."""
    return ROLES.get(process.exe().rpartition("/")[2], "program")


def peak_of(process: psutil.Process) -> Peak:
    """Samples a command and its descendants until it ends."""
    peak = Peak()
    while runs(process):
        now: dict[str, float] = {}
        for member in family(process):
            try:
                role = role_of(member)
                now[role] = now.get(role, 0) + member.memory_info().rss / 2**20
            except psutil.Error:
                continue  # it ended between two samples
        peak.total = max(peak.total, sum(now.values()))
        for role, amount in now.items():
            peak.roles[role] = max(peak.roles.get(role, 0), amount)
        time.sleep(SAMPLE_SECONDS)
    return peak


def runs(process: psutil.Process) -> bool:
    """Whether a process is still running."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and its descendants; none once it has ended."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@dataclass(frozen=True)
class Timing:
    """One run of a command, seconds from its start."""

    selector: float
    done: float
    peak: dict[str, float]


def timed(start: Callable[[], "subprocess.Popen[str]"]) -> tuple[float, float, dict[str, float]]:
    """Runs a command; returns when it began (monotonic), its seconds, and its peak memory in MiB by role.

    Raises:
        RuntimeError: it failed; the text is its output.
    """
    begun = time.monotonic()
    process = start()
    peaks: list[Peak] = []
    sampled = psutil.Process(process.pid)
    sampler = threading.Thread(target=lambda: peaks.append(peak_of(sampled)))
    sampler.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - begun
    sampler.join()
    if process.returncode:
        raise RuntimeError(output)
    return begun, seconds, {"all": peaks[0].total, **peaks[0].roles}


def time_switch(start: Callable[[], "subprocess.Popen[str]"], watch: SelectorWatch, to: str) -> Timing:
    """Runs a command that switches, and notes when the selector changed and when the command was done."""
    begun, seconds, peak = timed(start)
    return Timing(watch.wait_for(to) - begun, seconds, peak)


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, interpolated between the values."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
