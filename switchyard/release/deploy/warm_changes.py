"""Applies the version and the replicas of a colour by an update that changes nothing else."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from switchyard.config.commands import below
from switchyard.config.models.service import Colour
from switchyard.config.validation.services import SERVICES
from switchyard.errors import EngineError, GateRefusedError
from switchyard.release.engine.convergence import REMOVED
from switchyard.release.engine.engine import Engine, Step

COMPONENT = "switchyard:service:"
"""Part of the URN of every resource that belongs to a service."""


@dataclass(frozen=True)
class ColourChange:
    """A change of the settings of a colour.

    Attributes:
        key: key of the service.
        colour: colour of the service.
        values: the keys of the colour that are set.
    """

    key: str
    colour: Colour
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Path of the colour in the configuration."""
        return f"{below(SERVICES, self.key)}.{self.colour}"

    def others(self, steps: Iterable[Step]) -> list[Step]:
        """The steps of a preview that do not belong to this change."""
        return [step for step in steps if COMPONENT not in step.urn or step.name != f"{self.key}-{self.colour}"]


def preview_change(
    engine: Engine,
    change: ColourChange,
    refusal_of_others: Callable[[list[Step]], str],
    live: Mapping[str, object] | None = None,
) -> None:
    """Writes a change to the configuration and previews it. After a refusal the configuration is restored.

    Args:
        engine: engine of the stack.
        change: the change.
        refusal_of_others: the message for a preview that would change something else.
        live: values on the cluster of the keys that are set. If an earlier command has written the change and died,
            a refusal restores these.

    Raises:
        GateRefusedError: the preview is refused, or would change something else.
        EngineError: the configuration cannot be read or written.
    """
    preview_changes(engine, [(change, live)], refusal_of_others)


def preview_changes(
    engine: Engine,
    changes: Sequence[tuple[ColourChange, Mapping[str, object] | None]],
    refusal_of_others: Callable[[list[Step]], str],
) -> None:
    """Writes several changes to the configuration and previews them together, as `preview_change` does.

    Args:
        engine: engine of the stack.
        changes: the changes, each with the values on the cluster.
        refusal_of_others: the message for a preview that would change something else.

    Raises:
        GateRefusedError: the preview is refused, or would change something else.
        EngineError: the configuration cannot be read or written.
    """
    services = engine.config().get(SERVICES, {}).get("objectValue") or {}
    if removed := [change.key for change, _ in changes if change.key not in services]:
        raise EngineError(f"{', '.join(below(SERVICES, key) for key in removed)} {REMOVED}")
    before = [(change, _before(services, change, live)) for change, live in changes]
    values = {f"{change.path}.{key}": value for change, _ in changes for key, value in change.values.items()}
    engine.change_config(values)
    try:
        others = engine.preview()
        for change, _ in changes:
            others = change.others(others)
    except EngineError as error:
        _restore_all(engine, before)
        raise GateRefusedError(str(error)) from None
    except BaseException:
        _restore_all(engine, before)
        raise
    if others:
        _restore_all(engine, before)
        raise GateRefusedError(refusal_of_others(others))


def _before(services: Mapping[str, Any], change: ColourChange, live: Mapping[str, object] | None) -> Mapping[str, Any]:
    """The values that are restored after a refusal: those of the colour in the configuration, or on the cluster."""
    colour = (services.get(change.key) or {}).get(change.colour.value)
    before: Mapping[str, Any] = colour if isinstance(colour, dict) else {}
    if live and all(before.get(key) == value for key, value in change.values.items()):
        return {**before, **live}
    return before


def _restore_all(engine: Engine, before: Iterable[tuple[ColourChange, Mapping[str, Any]]]) -> None:
    for change, values in before:
        _restore(engine, change, values)


def _restore(engine: Engine, change: ColourChange, before: Mapping[str, Any]) -> None:
    if not before:
        engine.change_config({}, removed=[change.path])
        return
    kept = {f"{change.path}.{key}": before[key] for key in change.values if key in before}
    engine.change_config(kept, removed=[f"{change.path}.{key}" for key in change.values if key not in before])
