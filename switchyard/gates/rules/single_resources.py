"""Refusals of an operation on single resources: an update that would switch, a destroy while a service serves."""

from collections.abc import Mapping

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import Colour
from switchyard.gates.rules.refusal import Refusal


def refuse_partial_switch(key: str, before: str, active: Colour) -> Refusal | None:
    """Refuses to switch a service when the update does not include all objects that take part in the switch.

    The engine first takes over the former dependencies of a resource that it leaves as it is. A switch reverses the
    dependencies, so the engine would register one of them twice and fail half-way with "Duplicate resource URN".

    Args:
        key: key of the service.
        before: colour that served after the last update; empty if unknown.
        active: colour in the settings.
    """
    if before in {"", active}:
        return None
    return Refusal(
        code=Code.PARTIAL_SWITCH,
        step=f"{key}: the switch from {before} to {active}",
        observed="the engine was started for single resources (--target, --target-replace or --exclude)",
        rule="a switch reverses the order of the service's objects, and needs all of them",
        remedy=f"Nothing was changed. Run it for the whole stack: {typed('pulumi up')}",
    )


def refuse_partial_destroy(serving: Mapping[str, str]) -> Refusal | None:
    """Refuses to destroy single resources, with all that depend on them, while a service serves.

    Args:
        serving: by the key of a service, why it serves or why that is not known.
    """
    if not serving:
        return None
    return Refusal(
        code=Code.SERVING_OBJECT_DELETED,
        step="The destroy of single resources",
        observed="; ".join(f"{name}: {reason}" for name, reason in serving.items()),
        rule="with the dependents of a resource, a destroy deletes objects that serve",
        remedy=(
            "Nothing was deleted. Remove from the configuration what is no longer wanted, and run "
            f"`{typed('pulumi up')}`; services are removed by their key `remove: true`. The whole stack: "
            f"{typed('pulumi destroy --run-program')}"
        ),
    )
