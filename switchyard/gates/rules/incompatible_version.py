"""Refuses an update that switches to a version that no longer works after an irreversible hook."""

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.remedies import setting
from switchyard.kube.incompatible_version import IncompatibleVersion

RULE = "a version gets no traffic if it may not work with the present data"


def refuse_incompatible_version(
    name: str, service: ServiceSettings, to: Track, serving: Track | None, left: IncompatibleVersion | None
) -> Refusal | None:
    """Refuses a switch by an update to a version that no longer works.

    Args:
        name: name of the service.
        service: settings of the service.
        to: the track that would receive the traffic.
        serving: the track that serves; None without one.
        left: the hook after which the version of that track no longer works; None without one.
    """
    if left is None or serving in {None, to}:
        return None
    key, tag = key_of(name), service.own(to).tag
    stay = f" To stay with {serving}: {setting(name, 'active', str(serving))}." if serving is not Track.ROLLOUT else ""
    return Refusal(
        code=Code.OLD_VERSION_GONE,
        step=f"{key}: the switch to {to} {tag}",
        observed=str(left),
        rule=RULE,
        remedy=f"{serving} continues to serve.{stay} {how_to_override(key, tag or str(to), left)}",
    )


def how_to_override(key: str, tag: str, left: IncompatibleVersion) -> str:
    """The sentence with the command by which an operator overrides the refusal.

    Args:
        key: key of the service.
        tag: the version.
        left: the hook after which the version no longer works.
    """
    if left.is_before:
        anyway = typed(f"switchyard rollback {key} --override REASON")
        return f"If you know that {tag} still works, give the reason: {anyway}"
    return f"If you know that {tag} still works, release it again: {typed(f'switchyard deploy {key} {tag}')}"
