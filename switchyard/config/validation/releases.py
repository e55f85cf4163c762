"""Rules on the settings for the releases of a whole stack."""

from collections.abc import Collection, Iterator

from switchyard.config.commands import below, remove_value, set_value
from switchyard.config.errors import Problem, shown
from switchyard.config.examples import typing_error
from switchyard.config.models.releases import RELEASES, Freeze, Notification, Releases


def releases_problems(releases: Releases, services: Collection[str]) -> Iterator[Problem]:
    """Refuses services that the stack does not have, and two notifications of one name.

    Args:
        releases: settings for the releases of the stack.
        services: keys of all services.
    """
    lists: dict[str, tuple[Freeze | Notification, ...]] = {
        "freeze": releases.freeze,
        "notifications": releases.notifications,
    }
    for key, entries in lists.items():
        for number, entry in enumerate(entries):
            path = below(RELEASES, key, number, "services")
            for index, service in enumerate(entry.services or ()):
                if service not in services:
                    yield _unknown_service(below(path, index), service, services)
    names: dict[str, str] = {}
    for number, notification in enumerate(releases.notifications):
        path = below(RELEASES, "notifications", number)
        if notification.name in names:
            rule = f"is the name of {names[notification.name]}, and the record knows a notification by its name"
            remedy = f"Rename it. For example: {set_value(f'{path}.name', f'{notification.name[:60]}-2')}"
            yield Problem(f"{path}.name", shown(notification.name), rule, remedy)
        names.setdefault(notification.name, path)


def _unknown_service(path: str, service: str, services: Collection[str]) -> Problem:
    rule = f"the services of this stack are {', '.join(services)}" if services else "this stack has no service"
    close = typing_error(service, list(services))
    remedy = f"Did you mean {close}? {set_value(path, close, text=True)}" if close else remove_value(path)
    return Problem(path, shown(service), rule, f"{remedy}" if close else f"Remove it: {remedy}")
