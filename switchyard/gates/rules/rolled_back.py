"""Refuses a switch to a version that was rolled back."""

from collections.abc import Iterable

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting
from switchyard.kube.rolled_back import RolledBack, find_rolled_back


def refuse_rolled_back(
    name: str, service: ServiceSettings, to: Track, serving: Track | None, versions: Iterable[RolledBack]
) -> Refusal | None:
    """Refuses a switch to a version that was rolled back.

    Args:
        name: name of the service.
        service: settings of the service.
        to: the track that would receive the traffic.
        serving: the track that serves; None without one.
        versions: the versions that were rolled back.
    """
    rollback = find_rolled_back(versions, to.value, service.own(to).tag)
    if rollback is None or serving in {None, to}:
        return None
    key = key_of(name)
    stay = f" To stay with {serving}: {setting(name, 'active', str(serving))}." if serving is not Track.ROLLOUT else ""
    return Refusal(
        code=Code.VERSION_ROLLED_BACK,
        step=f"{key}: the switch to {to}",
        observed=f"{rollback.tag} in {to} {rollback.described}",
        rule="a version that was rolled back does not return unless an operator asks for it",
        remedy=(f"{serving} continues to serve.{stay} To switch anyway: {typed(f'switchyard switch {key} {to}')}"),
    )


def warn_rollbacks_unknown(name: str, answer: str) -> str:
    """Warns that the record cannot be read, so that a version that was rolled back is not detected."""
    return notice(
        Code.ROLLBACKS_UNKNOWN,
        key_of(name),
        f"whether this version was rolled back is not known: the kubeconfig's user {answer}",
        "The update continues. Permit get of ConfigMaps in the service's namespace.",
    )
