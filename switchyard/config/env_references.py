"""References between environment variables, `$(NAME)`, as the kubelet expands them.

The kubelet expands a reference only if the variable comes earlier in the container's list, and leaves others as they
are. `$$` is a literal `$` (k8s.io/kubernetes 1.34.1, third_party/forked/golang/expansion).
"""

import heapq
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping

_TOKEN = re.compile(r"\$(?:\(([^)]*)\)|.)", re.DOTALL)
_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")

STARTS = 100
"""Number of variables from which a shorter cycle is searched for after the first cycle was found."""

OF_THE_KUBELET = "KUBERNETES_"
"""Prefix of the variables for the API server's Service, which the kubelet sets in every container."""


def references(value: str) -> Iterator[str]:
    """Names of the variables that a value references; text such as `$(date +%s)` references none."""
    for token in _TOKEN.finditer(value):
        if token[1] is not None and _NAME.fullmatch(token[1]):
            yield token[1]


def ordered(values: Mapping[str, str | None]) -> list[str]:
    """Names of variables, each after the variables that it references, and otherwise sorted.

    Without references the order is alphabetical, so that running pods do not change.

    Args:
        values: the text of each variable by name; None for a variable whose value is not in the configuration.
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
    """A short cycle of references, as names of variables with the first one again at the end; empty if there is none.

    It is the shortest one where fewer than `STARTS` variables depend on cycles.

    Args:
        values: text of each variable by name; None for a variable whose value is not in the configuration.
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
