"""The notifications that are configured for the releases of one service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from switchyard.config.models.releases import Notification, Releases


@dataclass(frozen=True)
class Subscriptions:
    """The notifications of one service.

    Attributes:
        stack: name of the stack, which messages have.
        service: key of the service.
        notifications: the notifications by their names.
    """

    stack: str = ""
    service: str = ""
    notifications: Mapping[str, Notification] = field(default_factory=dict)

    @classmethod
    def of(cls, stack: str, releases: Releases, service: str) -> Self:
        """The notifications that receive messages about a service.

        Args:
            stack: name of the stack.
            releases: the settings of all releases.
            service: key of the service.
        """
        own = (entry for entry in releases.notifications if entry.services is None or service in entry.services)
        return cls(stack, service, {notification.name: notification for notification in own})


NO_SUBSCRIPTIONS = Subscriptions()
