"""Commands in the remedies of refusals. Each works when pasted into a shell."""

from switchyard.config.commands import below, remove_value, set_value
from switchyard.config.models.service_name import key_of
from switchyard.config.validation.services import SERVICES


def setting(name: str, key: str, value: object, *, text: bool = False) -> str:
    """The command that sets a key of a service, in backticks.

    Args:
        name: the service's name, which knows its key.
        key: path of the key below the service, for example ``canary.traffic``.
        value: the value to store.
        text: whether the value is stored as text, even if it looks like a number.
    """
    return f"`{set_value(f'{below(SERVICES, key_of(name))}.{key}', value, text=text)}`"


def without(name: str, key: str) -> str:
    """The command that removes a key of a service, in backticks."""
    return f"`{remove_value(f'{below(SERVICES, key_of(name))}.{key}')}`"
