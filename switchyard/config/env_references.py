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
"""Number of variables from which a shorter cycle is searched for, once one is known."""

OF_THE_KUBELET = "KUBERNETES_"
"""Beginning of the variables that every container has, those of the Service of the API server."""


def references(value: str) -> Iterator[str]:
    """Names of the variables that a value references; text such as `$(date +%s)` references none."""
    for token in _TOKEN.finditer(value):
        if token[1] is not None and _NAME.fullmatch(token[1]):
            yield token[1]


def ordered(values: Mapping[str, str | None]) -> list[str]:
    """Names of variables, each after those that it references, otherwise sorted.

    Without references they are in alphabetical order, so that running pods do not change.

    Args:
        values: by name, the text of a variable; None for one that comes from elsewhere. Without a cycle.
    """
    result = list(_free(values))
    return result + sorted(values.keys() - set(result))


def _free(values: Mapping[str, str | None]) -> Iterator[str]:
    """The names that do not depend on a cycle, each after those that it references."""
    waits = {name: _referenced(value, values) for name, value in values.items()}
    dependents: dict[str, list[str]] = defaultdict(list)
    for name, referenced in waits.items():
        for other in referenced:
            dependents[other].append(name)
    free = sorted(name for name, referenced in waits.items() if not referenced)
    while free:
        name = heapq.heappop(free)
        yield name
        for other in dependents[name]:
            waits[other].discard(name)
            if not waits[other]:
                heapq.heappush(free, other)


def cycle(values: Mapping[str, str | None]) -> list[str]:
    """A short cycle of references: names of variables, the first one again at the end; empty for none.

    It is the shortest one where fewer than `STARTS` variables depend on cycles.

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
        path = _path_back(start, edges)
        if path and (not shortest or len(path) < len(shortest)):
            shortest = path
    return shortest


def _path_back(start: str, edges: Mapping[str, list[str]]) -> list[str]:
    """The shortest path from a name back to itself; empty for none."""
    predecessors = dict.fromkeys(edges[start], start)
    queue = deque(predecessors)
    while queue and start not in predecessors:
        name = queue.popleft()
        for other in edges[name]:
            if other not in predecessors:
                predecessors[other] = name
                queue.append(other)
    if start not in predecessors:
        return []
    path = [start, predecessors[start]]
    while path[-1] != start:
        path.append(predecessors[path[-1]])
    return path[::-1]


def _referenced(value: str | None, values: Mapping[str, str | None]) -> set[str]:
    return {other for other in references(value or "") if other in values}
