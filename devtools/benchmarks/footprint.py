"""The resources that a method uses on the nodes: its pods and the memory of their processes, sampled under load."""

import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from devtools.benchmarks.method import Method
from devtools.sandbox.cgroups import below, hierarchies

SAMPLE_SECONDS = 0.2
"""Seconds between two samples, each of which reads some files of the cgroup file system."""


@dataclass(frozen=True)
class ResourceUsage:
    """The resources in use at one moment.

    Attributes:
        pods: all pods, terminating ones included.
        memory_mib: anonymous memory of their processes, MiB.
    """

    pods: int
    memory_mib: float


class ResourceSampler:
    """Samples the resources of a method while the block runs. Afterwards `most` has the maximum of each.

    The pods are known from a watch, because a request for each sample would cost more than the switch that is measured.
    """

    def __init__(self, method: Method) -> None:
        self.most = ResourceUsage(0, 0.0)
        self._pods: set[str] = set()
        watch = ["get", "pods", "--watch", "--output-watch-events"]
        events = r'-o=jsonpath={.type}{" "}{.object.metadata.uid}{"\n"}'
        self._watch = subprocess.Popen(
            [*method.kubectl_command(), *watch, events], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._follow, self._sample)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._watch.kill()
        for thread in self._threads:
            thread.join()
        self._watch.wait()

    def _follow(self) -> None:
        assert self._watch.stdout is not None
        for line in self._watch.stdout:
            happened, uid = line.split()
            if happened == "DELETED":
                self._pods.discard(uid)
            else:
                self._pods.add(uid)

    def _sample(self) -> None:
        folders: dict[str, Path] = {}  # finding a cgroup takes longer than the rest of a sample
        while not self._ended.wait(SAMPLE_SECONDS):
            pods = self._pods.copy()
            for uid in pods - folders.keys():
                if (folder := _folder(uid)) is not None:
                    folders[uid] = folder
            memory = sum(_memory_mib(folders.get(uid)) for uid in pods)
            self.most = ResourceUsage(max(self.most.pods, len(pods)), max(self.most.memory_mib, memory))


def resource_usage(method: Method) -> ResourceUsage:
    """Returns the resources that a method uses now."""
    pods = method.pods()
    return ResourceUsage(len(pods), sum(_memory_mib(_folder(uid)) for uid in pods))


def _folder(uid: str) -> Path | None:
    """The memory cgroup of a pod on a real node; None while the pod does not run."""
    for root in hierarchies():
        for pods in root.glob("switchyard-*/*/kubepods"):
            for folder in below(pods):
                if folder.name == f"pod{uid}" and (folder / "memory.stat").exists():
                    return folder
    return None


def _memory_mib(folder: Path | None) -> float:
    if folder is None:
        return 0.0
    try:
        statistics = (folder / "memory.stat").read_text()
    except OSError:
        return 0.0  # it ended meanwhile
    values = dict(line.split() for line in statistics.splitlines())
    # The name in version 1, which is for a group with its children, and in version 2.
    return int(values.get("total_rss", values.get("anon", 0))) / 2**20
