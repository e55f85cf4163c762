"""References between environment variables, `$(NAME)`, as the kubelet expands them.

It expands a reference only to a variable that stands earlier in the container's list; another one stays as it is
written. `$$` is a `$` that begins no reference (k8s.io/kubernetes 1.34.1, third_party/forked/golang/expansion).
"""

import heapq
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping

_TOKEN = re.compile(r"\$(?:\(([^)]*)\)|.)", re.DOTALL)
_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")

STARTS = 100
"""Variables from which a shorter cycle is looked for, once there is one."""

OF_THE_KUBELET = "KUBERNETES_"
"""Beginning of the variables that every container has, those of the Service of the API server."""


def references(value: str) -> Iterator[str]:
    """Names of the variables that a value references; text such as `$(date +%s)` references none."""
    for token in _TOKEN.finditer(value):
        if token[1] is not None and _NAME.fullmatch(token[1]):
            yield token[1]


def ordered(values: Mapping[str, str | None]) -> list[str]:
    """Names of variables, each after those that it references, otherwise sorted.

    Without a reference that is the alphabet, so that nothing changes for pods that run.

    Args:
        values: by name, the text of a variable; None for one that comes from elsewhere. Without a cycle.
    """
    result = list(_free(values))
    return result + sorted(values.keys() - set(result))


def _free(values: Mapping[str, str | None]) -> Iterator[str]:
    """The names that no cycle holds up, each behind those that it refers to."""
    waits = {name: _behind(value, values) for name, value in values.items()}
    behind: dict[str, list[str]] = defaultdict(list)
    for name, before in waits.items():
        for other in before:
            behind[other].append(name)
    free = sorted(name for name, before in waits.items() if not before)
    while free:
        name = heapq.heappop(free)
        yield name
        for other in behind[name]:
            waits[other].discard(name)
            if not waits[other]:
                heapq.heappush(free, other)


def cycle(values: Mapping[str, str | None]) -> list[str]:
    """A short cycle of references: names of variables, the first one again at the end; empty for none.

    It is the shortest one where fewer than `STARTS` variables are held up by cycles.

    Args:
        values: as for `ordered`.
    """
    acyclic = set(_free(values))
    edges = {
        name: sorted({other for other in references(value or "") if other in values and other not in acyclic})
        for name, value in values.items()
        if name not in acyclic
    }
    shortest: list[str] = []
    for number, start in enumerate(sorted(edges)):
        if shortest and number > STARTS:
            break
        way = _cycle_from(start, edges)
        if way and (not shortest or len(way) < len(shortest)):
            shortest = way
    return shortest


def _cycle_from(start: str, edges: Mapping[str, list[str]]) -> list[str]:
    """Returns the shortest cycle through a name; empty if there is none."""
    before = dict.fromkeys(edges[start], start)
    ahead = deque(before)
    while ahead and start not in before:
        name = ahead.popleft()
        for other in edges[name]:
            if other not in before:
                before[other] = name
                ahead.append(other)
    if start not in before:
        return []
    way = [start, before[start]]
    while way[-1] != start:
        way.append(before[way[-1]])
    return way[::-1]


def _behind(value: str | None, values: Mapping[str, str | None]) -> set[str]:
    return {other for other in references(value or "") if other in values}
