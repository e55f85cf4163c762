"""Loads the settings of one stack from the raw values of its configuration."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from switchyard.codes import Code
from switchyard.config.collect import Collected, collect
from switchyard.config.commands import below, remove_command, remove_value, set_command, set_value
from switchyard.config.depth import without_deep_services, without_deep_values
from switchyard.config.errors import HIDDEN, LONGEST_KEY, Problem, SettingsError, shape, shown
from switchyard.config.examples import typing_error
from switchyard.config.models.cluster import CLUSTER, ExistingCluster
from switchyard.config.models.ownership import former_problems, is_unclear_removal, removed_service
from switchyard.config.models.releases import RELEASES, Releases
from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings, ServiceSettings
from switchyard.config.models.service_name import NamespacedName
from switchyard.config.other_services import separated
from switchyard.config.removed_routes import removed_routes, without_routes
from switchyard.config.stack_file import Written, differences, without_quotes
from switchyard.config.validation.related import RelatedProblem
from switchyard.config.validation.releases import releases_problems
from switchyard.config.validation.service_names import name_clashes
from switchyard.config.validation.services import SERVICES, name_problems, service_problems, stack_problems
from switchyard.config.validation.switch_engine import engine_problems

if TYPE_CHECKING:
    from switchyard.config.kinds import Cluster

NAMESPACE = "switchyard"
PRODUCTION = "production"
"""The stack of this name is marked production; `switchyard:production` marks others."""

MARK = f"{NAMESPACE}:production"
"""Key that marks a stack as production."""

FORMER = f"{NAMESPACE}:formerStack"
"""Key of the configuration that names the stack whose objects this stack takes over."""

OWN = frozenset({"name", "region", "network", "loadBalancer"})
"""Keys of `switchyard:cluster` that only a cluster on EC2 has."""

NAMELESS = "nameless"
"""Name that is used for a cluster without a valid name while the rules across its fields are checked."""


@dataclass(frozen=True)
class StackSettings:
    """All settings of a stack."""

    cluster: "Cluster"
    services: Mapping[str, ServiceSettings]
    production: bool
    removed: Mapping[str, NamespacedName] = field(default_factory=dict)
    """Namespace and name of each service that is marked to be removed, by its key."""
    former: str | None = None
    """The stack whose objects this stack has taken over, as ``project/stack``."""
    releases: Releases = field(default_factory=Releases.model_construct)
    """Settings for the releases of all services."""
    ignored: tuple[Problem, ...] = ()
    """Errors in the settings of services that the caller does not need, and that are left out."""


def load(
    raw_cluster: object,
    raw_services: object,
    stack: str,
    production: object = None,
    secret_keys: Collection[str] = (),
    former: object = None,
    written: Written | None = None,
    keys: Collection[str] = (),
    raw_releases: object = None,
    needed: Collection[str] | None = None,
) -> StackSettings:
    """Parses and checks a stack's configuration.

    Args:
        raw_cluster: value of `switchyard:cluster`.
        raw_services: value of `switchyard:services`.
        stack: the stack's name.
        production: value of `switchyard:production`; with None the stack's name decides.
        former: value of `switchyard:formerStack`.
        secret_keys: keys, such as `switchyard:services`, in whose values something is encrypted.
        written: the stack file, to detect values that YAML has changed; with None only the values are checked.
        keys: all keys of the configuration with their namespaces, to refuse unknown ones.
        raw_releases: value of `switchyard:releases`; None if the key is not set.
        needed: keys of the services that the caller needs. Others are left out if their settings have errors. None
            needs all services.

    Raises:
        SettingsError: the configuration has errors in what the caller needs, or in all services; the exception has
            all errors.
    """
    problems = [*_production_problems(production), *former_problems(FORMER, former), *_unknown_keys(keys)]
    marked = stack == PRODUCTION if production is None else production is True
    raw_cluster = without_deep_values(CLUSTER, raw_cluster, problems)
    raw_services = without_deep_services(SERVICES, raw_services, problems)
    raw_releases = without_deep_values(RELEASES, raw_releases, problems)
    cluster = _cluster(raw_cluster, problems, without_quotes(CLUSTER, raw_cluster, written))
    removed = _removed(raw_services, problems)
    services = _services(
        raw_services, problems, removed, without_quotes(SERVICES, raw_services, written), production=marked
    )
    releases = _releases(raw_releases, raw_services, problems, written)
    reported = {problem.path for problem in problems}
    raw = {CLUSTER: raw_cluster, SERVICES: raw_services, RELEASES: raw_releases}
    altered = [problem for key, value in raw.items() for problem in differences(key, value, written)]
    problems += [problem for problem in altered if problem.path not in reported]
    problems += _problems_between(cluster, services, removed, {problem.path for problem in problems}, marked)
    problems = [*secret_problems(secret_keys), *(_hidden(problem, secret_keys) for problem in problems)]
    configured = [*raw_services] if isinstance(raw_services, Mapping) else []
    errors = separated(problems, configured, configured if needed is None else needed)
    services = {key: service for key, service in services.items() if key not in errors.services}
    if errors.needed or cluster is None or (errors.ignored and not services):
        raise SettingsError(problems)
    former_stack = former if isinstance(former, str) else None
    cluster = without_routes(cluster, removed)
    return StackSettings(cluster, services, marked, removed, former_stack, releases, errors.ignored)


def _problems_between(
    cluster: "Cluster | None",
    services: Mapping[str, ServiceSettings],
    removed: Mapping[str, NamespacedName],
    wrong: Collection[str],
    production: bool,
) -> Iterator[Problem]:
    """Errors between services, and between services and cluster, as far as the compared values are valid.

    Args:
        cluster: the valid part of the cluster; None for none.
        services: the valid part of each service.
        removed: the services that are marked to be deleted.
        wrong: paths of values that have an error.
        production: whether the stack is marked production.
    """
    table_is_valid = not any(_touches(path, f"{CLUSTER}.nodes") for path in wrong)
    nodes = cluster.nodes if cluster is not None and table_is_valid else {}
    removed_paths = removed_routes(cluster, removed)
    related = [
        RelatedProblem(problem) for problem in (*name_clashes(services, removed), *stack_problems(services, nodes))
    ]
    if cluster is not None:
        related += engine_problems(cluster, services)
        if not isinstance(cluster, ExistingCluster):
            from switchyard.config.validation.ec2 import ec2_problems  # noqa: PLC0415 (other stacks need none of it)

            related += ec2_problems(cluster, services, production=production)
    for problem in related:
        if problem.problem.path in removed_paths:
            continue
        if not any(_touches(path, read) for path in wrong for read in problem.paths):
            yield problem.problem


def _unknown_keys(keys: Collection[str]) -> Iterator[Problem]:
    """Refuses unknown keys: a typing error in `production` would leave a stack without its protection."""
    known = (CLUSTER, SERVICES, RELEASES, MARK, FORMER)
    for key in sorted(set(keys).difference(known)):
        namespace, _, name = key.partition(":")
        if namespace == NAMESPACE:
            close = typing_error(name, [other.partition(":")[2] for other in known])
            hint = f"Did you mean {close}? " if close else ""
            rule = f"the keys are {', '.join(known)}"
            yield Problem(key, "unknown key", rule, f"{hint}Remove it: {remove_value(key)}", Code.UNKNOWN_KEY)


def _production_problems(production: object) -> Iterator[Problem]:
    if not isinstance(production, bool | None):
        at = MARK
        wanted = str(production).lower() not in {"no", "off", "n", "0", "false"}
        yield Problem(at, shown(production), "must be true or false", set_command(at, wanted))


def secret_problems(secret_keys: Collection[str]) -> Iterator[Problem]:
    """Refuses values that are encrypted in the stack file: in the state they would be plain text."""
    for key in {CLUSTER, SERVICES, RELEASES}.intersection(secret_keys):
        # The engine reports which keys contain a secret, and not where in their values it is.
        yield Problem(
            key,
            "has a value set with --secret",
            "settings go to the cluster, to the state and into previews as plain text",
            "Remove what is marked `secure:` under it from the stack file, put it into a Kubernetes Secret, and name "
            "that: secretEnv: {TOKEN: {secret: backend-secrets, key: token}}",
        )


def _hidden(problem: Problem, secret_keys: Collection[str]) -> Problem:
    """Returns a problem without its value, which may be the secret one."""
    secret = any(_touches(problem.path, key) for key in secret_keys)
    return replace(problem, value=HIDDEN) if secret else problem


def _cluster(raw: object, problems: list[Problem], written: Mapping[str, str]) -> "Cluster | None":
    """The valid part of the cluster; None for none."""
    if any(problem.path == CLUSTER for problem in problems):
        return None
    if not isinstance(raw, Mapping):
        value = "missing" if raw is None else shape(raw)
        remedy = set_command(f"{CLUSTER}.kind", "existing")
        if raw is not None:
            remedy = f"{remove_command(CLUSTER)} && {set_value(f'{CLUSTER}.kind', 'existing')}"
        problems.append(Problem(CLUSTER, value, "must be a mapping of keys to values", remedy))
        return None
    kind = raw.get("kind")
    if kind == ExistingCluster.kind_name():
        model: type[Cluster] = ExistingCluster
    else:
        from switchyard.config.kinds import KINDS  # noqa: PLC0415 (the models of the other kinds take time to import)

        if not isinstance(kind, str) or kind not in KINDS:
            value = "missing" if kind is None else shown(kind)
            remedy = set_command(f"{CLUSTER}.kind", "ec2" if OWN.intersection(raw) else "existing")
            problems.append(Problem(f"{CLUSTER}.kind", value, f"allowed: {', '.join(KINDS)}", remedy))
            return None
        model = KINDS[kind]
    name = {"name": NAMELESS} if "name" in model.model_fields else {}
    collected: Collected[Cluster] = collect(CLUSTER, model, raw, written, name)
    problems += collected.problems
    return collected.value


def _removed(raw: object, problems: list[Problem]) -> dict[str, NamespacedName]:
    """Namespaces and names of the services that are marked to be deleted, by their keys."""
    marked = {}
    for key, value in raw.items() if isinstance(raw, Mapping) else ():
        if len(key) > LONGEST_KEY:
            continue  # which is no name of a service, and too long to be shown
        if (service := removed_service(below(SERVICES, key), key, value, problems)) is not None:
            marked[key] = service
    return marked


def _services(
    raw: object,
    problems: list[Problem],
    removed: Collection[str],
    written: Mapping[str, str],
    *,
    production: bool,
) -> dict[str, ServiceSettings]:
    if not isinstance(raw, Mapping):
        value = "missing" if raw is None else shape(raw)
        remedy = "Give each service a key of its own in the stack file."
        problems.append(Problem(SERVICES, value, "must be a mapping of names to services", remedy))
        return {}
    services = {}
    for name, value in raw.items():
        if len(name) > LONGEST_KEY:
            problems += name_problems(name)
            continue
        if name in removed or is_unclear_removal(value):
            continue
        service, errors = _service(name, value, written)
        path = below(SERVICES, name)
        wrong_paths = [problem.path for problem in (*problems, *errors) if problem.path.startswith(path)]
        if service is not None:
            services[name] = service
            errors += [
                problem
                for problem in service_problems(name, service, production=production)
                if not any(_touches(at, problem.path) for at in wrong_paths)
            ]
        problems += errors
    return services


def _releases(raw: object, raw_services: object, problems: list[Problem], written: Written | None) -> Releases:
    """The settings for all releases; the defaults if the key is missing or wrong."""
    if raw is None:
        return Releases.model_construct()
    collected = collect(RELEASES, Releases, raw, without_quotes(RELEASES, raw, written))
    problems += collected.problems
    if collected.value is None or not collected.complete:
        return Releases.model_construct()
    problems += releases_problems(collected.value, [*raw_services] if isinstance(raw_services, Mapping) else [])
    return collected.value


def _service(name: str, raw: object, written: Mapping[str, str]) -> tuple[ServiceSettings | None, list[Problem]]:
    """The valid part of one service, and its errors. The part is None if more than the wrong values was left out."""
    collected = collect(below(SERVICES, name), _model(raw), raw, written)
    return collected.value if collected.complete else None, [*name_problems(name), *collected.problems]


def _model(raw: object) -> type[ServiceSettings]:
    strategy = raw.get("strategy") if isinstance(raw, Mapping) else None
    if strategy == "canary":
        return CanarySettings
    return ArgoBlueGreenSettings if strategy == "argoBlueGreen" else BlueGreenSettings


def _touches(path: str, other: str) -> bool:
    """Whether a path is another one, or above or below it."""
    return path == other or path.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{path}.", f"{path}["))
