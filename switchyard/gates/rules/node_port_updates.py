"""Orders changes of node ports into updates, none of which needs a port that another Service still has."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from switchyard.config.commands import remove_value, set_value
from switchyard.config.models.node_ports import FIRST, free_port
from switchyard.config.models.service_name import NamespacedName


@dataclass(frozen=True)
class PortChange:
    """One node port of a Service of the configuration.

    Attributes:
        path: path of the number in the configuration.
        service: the Service that has the port.
        live: the number that the Service has; None where it has none yet.
        wanted: the number in the configuration; None where Kubernetes keeps or chooses one.
        target: the number that the port ends with; None where Kubernetes chooses one.
    """

    path: str
    service: NamespacedName
    live: int | None
    wanted: int | None
    target: int | None

    def configured(self, number: int | None) -> int | None:
        """The configured value with which the port has a number."""
        return None if self.wanted is None and number == self.live else number


def updates(changes: Sequence[PortChange], leaving: Collection[int], taken: Collection[int]) -> list[list[str]]:
    """The commands before each update, in order; after the last one every port has its number.

    Args:
        changes: every port of the configuration's Services.
        leaving: numbers of Services that the first update deletes.
        taken: all numbers that a Service has or is to have.
    """
    used = set(taken)
    changes = list(_vacated(changes, used))
    configured = {change.path: change.wanted for change in changes}
    now, commands = {change.path: change.live for change in changes}, []
    while any(now[change.path] != change.target for change in changes):
        after = _next(changes, now, leaving)
        if after == now and not leaving:
            after = _breaking_cycle(changes, now, used)
        wanted = {change.path: change.configured(after[change.path]) for change in changes}
        commands.append([_command(path, number) for path, number in wanted.items() if number != configured[path]])
        configured, now, leaving = wanted, after, ()
    return commands


def _command(path: str, number: int | None) -> str:
    return remove_value(path) if number is None else set_value(path, number)


def _vacated(changes: Iterable[PortChange], used: set[int]) -> Iterator[PortChange]:
    """The changes, where a port that would keep a number for which another Service waits gets another number.

    Kubernetes keeps a number that is no longer in the configuration.
    """
    changes = list(changes)
    for change in changes:
        keeps = change.wanted is None and change.live is not None
        if keeps and _wanted_elsewhere(change, changes, change.live):
            yield replace(change, target=_free(change.live, used))
        else:
            yield change


def _next(changes: Sequence[PortChange], now: dict[str, int | None], leaving: Collection[int]) -> dict[str, int | None]:
    """The numbers after an update in which each Service changes that needs no number of another Service."""
    holders = {now[change.path]: change.service for change in changes if now[change.path] is not None}
    blocked = {
        change.service
        for change in changes
        if change.target is not None
        and (change.target in leaving or holders.get(change.target, change.service) != change.service)
    }
    return {change.path: now[change.path] if change.service in blocked else change.target for change in changes}


def _breaking_cycle(changes: Sequence[PortChange], now: dict[str, int | None], used: set[int]) -> dict[str, int | None]:
    """The numbers after an update in which one Service of a cycle releases those that others wait for."""
    service = next(
        change.service
        for change in changes
        if now[change.path] != change.target and _wanted_elsewhere(change, changes, now[change.path])
    )
    return {
        change.path: _free(now[change.path], used)
        if change.service == service and _wanted_elsewhere(change, changes, now[change.path])
        else now[change.path]
        for change in changes
    }


def _wanted_elsewhere(change: PortChange, changes: Iterable[PortChange], number: int | None) -> bool:
    return number is not None and any(other.target == number and other.service != change.service for other in changes)


def _free(near: int | None, used: set[int]) -> int | None:
    number = free_port(near or FIRST, used)
    used.update(() if number is None else (number,))
    return number
