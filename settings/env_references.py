"""References between environment variables, `$(NAME)`, as the kubelet expands them.

It expands a reference only to a variable that stands earlier in the container's list; another one stays as it is
written. `$$` is a `$` that begins no reference (k8s.io/kubernetes 1.34.1, third_party/forked/golang/expansion).
"""

import heapq
import re
from collections.abc import Iterator, Mapping

_TOKEN = re.compile(r"\$(?:\(([^)]*)\)|.)", re.DOTALL)
_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")

OF_THE_KUBELET = "KUBERNETES_"
"""Beginning of the variables that every container has, those of the Service of the API server."""


def references(value: str) -> Iterator[str]:
    """The names that a value refers to; what is no name of a variable, such as `$(date +%s)`, is text."""
    for token in _TOKEN.finditer(value):
        if token[1] is not None and _NAME.fullmatch(token[1]):
            yield token[1]


def ordered(values: Mapping[str, str | None]) -> list[str]:
    """Names of variables, each behind those that it refers to, and alphabetical as far as that allows.

    Without a reference that is the alphabet, so that nothing changes for pods that run.

    Args:
        values: by name, the text of a variable; None for one that comes from elsewhere. Without a cycle.
    """
    waits = {name: _behind(name, value, values) for name, value in values.items()}
    free = sorted(name for name, before in waits.items() if not before)
    result = []
    while free:
        name = heapq.heappop(free)
        result.append(name)
        for other, before in waits.items():
            if name in before:
                before.discard(name)
                if not before:
                    heapq.heappush(free, other)
    return result + sorted(values.keys() - set(result))


def cycle(values: Mapping[str, str | None]) -> list[str]:
    """The shortest way from a variable back to itself by references, its first name again at the end; empty for none.

    Args:
        values: as for `ordered`.
    """
    edges = {name: sorted(references(value or "")) for name, value in values.items()}
    found: list[str] = []
    for start in sorted(edges):
        ways = [[start]]
        seen = {start}
        while ways:
            way = ways.pop(0)
            if start in edges.get(way[-1], ()):
                if not found or len(way) + 1 < len(found):
                    found = [*way, start]
                break
            ahead = [name for name in edges.get(way[-1], ()) if name in edges and name not in seen]
            seen.update(ahead)
            ways += [[*way, name] for name in ahead]
    return found


def _behind(name: str, value: str | None, values: Mapping[str, str | None]) -> set[str]:
    return {other for other in references(value or "") if other in values and other != name}
