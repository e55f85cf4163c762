"""Rules on the hooks of a release."""

from collections.abc import Collection, Iterator

from switchyard.config.commands import below, remove_value, set_value
from switchyard.config.errors import HIDDEN, Problem, shown
from switchyard.config.models.hooks import Hook, HookJob, HookPoint, OnFailure
from switchyard.config.models.service import ServiceSettings
from switchyard.config.models.volumes import RESERVED_VOLUMES

OWN_PREFIX = "SWITCHYARD_"
"""Prefix of the variables that every Job of a hook has."""

_NO_ROLLBACK = {
    HookPoint.BEFORE_WARM: "nothing has been switched yet, so that there is nothing to roll back",
    HookPoint.BEFORE_SWITCH: "nothing has been switched yet, so that there is nothing to roll back",
    HookPoint.BEFORE_RETIRE: "the new version has passed its watch and its bake, and is not rolled back automatically",
    HookPoint.ON_ROLLBACK: "the old version serves again already",
}
"""Why `rollback` has no meaning at a point."""


def hook_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    """Refuses hooks whose settings contradict each other or have no effect.

    Args:
        path: path of the service in the configuration.
        service: settings of the service.
    """
    owners: dict[str, str] = {}
    for point, number, hook in service.release.hooks.all():
        at = below(path, "release", "hooks", point.value, number)
        if hook.name in owners:
            rule = f"is the name of {owners[hook.name]}, and the record identifies a hook by its name"
            remedy = f"Rename it. For example: {set_value(f'{at}.name', f'{hook.name[:60]}-2')}"
            yield Problem(f"{at}.name", shown(hook.name), rule, remedy)
        owners.setdefault(hook.name, at)
        yield from _failure_problems(at, point, hook)
        if hook.irreversible and point is not HookPoint.BEFORE_RETIRE:
            rule = f"is only for beforeRetire: at {point} a rollback still needs the previous version"
            yield Problem(
                f"{at}.irreversible", "true", rule, f"Move the hook, or: {set_value(f'{at}.irreversible', False)}"
            )
        if hook.job is not None:
            yield from _job_problems(f"{at}.job", hook.job, service)
        if hook.http is not None:
            for name in hook.http.headers.keys() & hook.http.secret_headers.keys():
                rule = "is in headers as well, where everybody can read it"
                remedy = f"Remove it there: {remove_value(below(at, 'http', 'headers', name))}"
                yield Problem(below(at, "http", "secretHeaders", name), HIDDEN, rule, remedy)


def _failure_problems(at: str, point: HookPoint, hook: Hook) -> Iterator[Problem]:
    own = f"{at}.onFailure"
    if hook.on_failure is OnFailure.ROLLBACK and point in _NO_ROLLBACK:
        instead = OnFailure.CONTINUE if point is HookPoint.ON_ROLLBACK else OnFailure.STOP
        rule = f"has no effect at {point}: {_NO_ROLLBACK[point]}"
        yield Problem(own, "'rollback'", rule, set_value(own, instead.value))
    if hook.on_failure is OnFailure.STOP and point is HookPoint.ON_ROLLBACK:
        rule = "has no effect at onRollback: no hook may stop a rollback"
        yield Problem(own, "'stop'", rule, set_value(own, OnFailure.CONTINUE.value))


def _job_problems(at: str, job: HookJob, service: ServiceSettings) -> Iterator[Problem]:
    places: dict[str, Collection[str]] = {
        "env": job.env,
        "secretEnv": job.secret_env,
        "configEnv": job.config_env,
        "fieldEnv": job.field_env,
    }
    for key, variables in places.items():
        for name in variables:
            if name.startswith(OWN_PREFIX):
                rule = f"is set by this program, as is every variable that begins with {OWN_PREFIX}"
                yield Problem(below(at, key, name), HIDDEN, rule, f"Rename it: {remove_value(below(at, key, name))}")
    for name in job.env.keys() & job.secret_env.keys():
        rule = "is in env as well, where everybody can read it"
        remedy = f"Remove it there: {remove_value(below(at, 'env', name))}"
        yield Problem(below(at, "secretEnv", name), HIDDEN, rule, remedy)
    for number, mount in enumerate(job.mounts):
        if mount.volume not in service.volumes.keys() | RESERVED_VOLUMES:
            names = ", ".join(service.volumes) or "none"
            own = below(at, "mounts", number, "volume")
            rule = f"is not a volume of the service, which has {names}"
            remedy = (
                f"Name one of them, or add it to volumes of the service. {remove_value(below(at, 'mounts', number))}"
            )
            yield Problem(own, shown(mount.volume), rule, remedy)
