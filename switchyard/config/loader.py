"""One stack's settings, from the raw values of its configuration."""

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from switchyard.codes import Code
from switchyard.config.commands import below, remove_command, remove_value, set_command, set_value
from switchyard.config.depth import too_deep
from switchyard.config.errors import HIDDEN, LONGEST_KEY, Problem, SettingsError, from_pydantic, shape, shown
from switchyard.config.examples import typing_error
from switchyard.config.models.cluster import CLUSTER, ExistingCluster
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.ownership import former_problems, is_unclear_removal, removed_service
from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings, ServiceSettings
from switchyard.config.models.service_name import NamespacedName
from switchyard.config.removed_routes import removed_routes, without_routes
from switchyard.config.stack_file import Written, differences, without_quotes
from switchyard.config.validation.ec2 import RelatedProblem, ec2_findings
from switchyard.config.validation.service_names import name_clashes
from switchyard.config.validation.services import SERVICES, name_problems, service_problems, stack_problems
from switchyard.config.validation.switch_engine import engine_findings

NAMESPACE = "switchyard"
PRODUCTION = "production"
"""The stack of this name is marked production; `switchyard:production` marks others."""

MARK = f"{NAMESPACE}:production"
"""Key that marks a stack as production."""

FORMER = f"{NAMESPACE}:formerStack"
"""Key with the stack whose objects this one takes over."""

KINDS: Mapping[str, type[ExistingCluster] | type[Ec2Cluster]] = {"existing": ExistingCluster, "ec2": Ec2Cluster}
"""Models of a cluster, by its kind."""

M = TypeVar("M", bound=BaseModel)

OWN = frozenset({"name", "region", "network", "loadBalancer"})
"""Keys that only a cluster has which the program makes."""

NAMELESS = "nameless"
"""Stands in for a cluster's name that is missing or wrong, while the rules across its fields are tried."""

DEPTH = 4
"""Keys of the longest path in a cluster's settings that a list is in: loadBalancer, routes, 0, host."""


@dataclass(frozen=True)
class StackSettings:
    """Everything that a stack is made from."""

    cluster: ExistingCluster | Ec2Cluster
    services: Mapping[str, ServiceSettings]
    production: bool
    removed: Mapping[str, NamespacedName] = field(default_factory=dict)
    """Namespace and name of each service that is marked to be taken away, by its key."""
    former: str | None = None
    """The stack that this one took over from, as ``project/stack``."""


def load(
    raw_cluster: object,
    raw_services: object,
    stack: str,
    production: object = None,
    secret_keys: Collection[str] = (),
    former: object = None,
    written: Written | None = None,
    keys: Collection[str] = (),
) -> StackSettings:
    """Parses and checks a stack's configuration.

    Args:
        raw_cluster: value of `switchyard:cluster`.
        raw_services: value of `switchyard:services`.
        stack: the stack's name.
        production: value of `switchyard:production`; None goes by the stack's name.
        former: value of `switchyard:formerStack`.
        secret_keys: keys, such as `switchyard:services`, in whose values something is encrypted.
        written: the stack file, to find what YAML made something else of; None goes by the values alone.
        keys: all keys of the configuration, with their namespaces, to find those that nobody reads.

    Raises:
        SettingsError: with every mistake that there is.
    """
    if deep := _too_deep(raw_cluster, raw_services):
        raise SettingsError(deep)
    problems = [*_production_problems(production), *former_problems(FORMER, former), *_unknown_keys(keys)]
    marked = stack == PRODUCTION if production is None else production is True
    cluster = _cluster(raw_cluster, problems, without_quotes(CLUSTER, raw_cluster, written))
    removed = _removed(raw_services, problems)
    services = _services(
        raw_services, problems, removed, without_quotes(SERVICES, raw_services, written), production=marked
    )
    told = {problem.path for problem in problems}
    altered = [*differences(CLUSTER, raw_cluster, written), *differences(SERVICES, raw_services, written)]
    problems += [problem for problem in altered if problem.path not in told]
    wrong = {problem.path for problem in problems}
    table_is_right = not any(_touches(path, f"{CLUSTER}.nodes") for path in wrong)
    nodes = cluster.nodes if cluster is not None and table_is_right else {}
    leaving = removed_routes(cluster, removed)
    together = [*name_clashes(services, removed), *stack_problems(services, nodes)]
    found = [RelatedProblem(problem) for problem in together]
    if isinstance(cluster, Ec2Cluster):
        found += ec2_findings(cluster, services, production=marked)
    if cluster is not None:
        found += engine_findings(cluster, services)
    problems += [
        finding.problem
        for finding in found
        if not any(_touches(path, read) for path in wrong for read in finding.paths)
        and finding.problem.path not in leaving
    ]
    problems = [*secret_problems(secret_keys), *(_hidden(problem, secret_keys) for problem in problems)]
    if problems or cluster is None:
        raise SettingsError(problems)
    former_stack = former if isinstance(former, str) else None
    return StackSettings(without_routes(cluster, removed), services, marked, removed, former_stack)


def _too_deep(raw_cluster: object, raw_services: object) -> list[Problem]:
    services = raw_services.items() if isinstance(raw_services, Mapping) else ()
    found = [
        *too_deep(CLUSTER, raw_cluster),
        *(problem for key, raw in services for problem in too_deep(below(SERVICES, key), raw)),
    ]
    return found if services else [*found, *too_deep(SERVICES, raw_services)]


def _unknown_keys(keys: Collection[str]) -> Iterator[Problem]:
    """Refuses keys that nobody reads: a typing error in `production` would leave a stack without its protection."""
    known = (CLUSTER, SERVICES, MARK, FORMER)
    for key in sorted(set(keys).difference(known)):
        namespace, _, name = key.partition(":")
        if namespace == NAMESPACE:
            close = typing_error(name, [other.partition(":")[2] for other in known])
            hint = f"Did you mean {close}? " if close else ""
            rule = f"the keys are {', '.join(known)}"
            yield Problem(key, "unknown key", rule, f"{hint}Take it out: {remove_value(key)}", Code.UNKNOWN_KEY)


def _production_problems(production: object) -> Iterator[Problem]:
    if not isinstance(production, bool | None):
        at = MARK
        wanted = str(production).lower() not in {"no", "off", "n", "0", "false"}
        yield Problem(at, shown(production), "must be true or false", set_command(at, wanted))


def secret_problems(secret_keys: Collection[str]) -> Iterator[Problem]:
    """Refuses values that are encrypted in the stack file: in the state they would be plain text."""
    for key in {CLUSTER, SERVICES}.intersection(secret_keys):
        # The engine tells the program which keys have a secret in them, and not where in their values.
        yield Problem(
            key,
            "has a value set with --secret",
            "settings go to the cluster, to the state and into previews as plain text",
            "Take what is marked `secure:` under it out of the stack file, put it into a Kubernetes Secret, and name "
            "that: secretEnv: {TOKEN: {secret: backend-secrets, key: token}}",
        )


def _hidden(problem: Problem, secret_keys: Collection[str]) -> Problem:
    """The same problem without its value, which may be the one that is secret."""
    secret = any(_touches(problem.path, key) for key in secret_keys)
    return replace(problem, value=HIDDEN) if secret else problem


def _cluster(raw: object, problems: list[Problem], written: Mapping[str, str]) -> ExistingCluster | Ec2Cluster | None:
    if not isinstance(raw, Mapping):
        value = "missing" if raw is None else shape(raw)
        remedy = set_command(f"{CLUSTER}.kind", "existing")
        if raw is not None:
            remedy = f"{remove_command(CLUSTER)} && {set_value(f'{CLUSTER}.kind', 'existing')}"
        problems.append(Problem(CLUSTER, value, "must be a mapping of keys to values", remedy))
        return None
    kind = raw.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        value = "missing" if kind is None else shown(kind)
        remedy = set_command(f"{CLUSTER}.kind", "ec2" if OWN.intersection(raw) else "existing")
        problems.append(Problem(f"{CLUSTER}.kind", value, f"allowed: {', '.join(KINDS)}", remedy))
        return None
    try:
        return _parse(model, raw)
    except ValidationError as error:
        problems += from_pydantic(CLUSTER, model, error, written)
        return _right_part(raw, error) if model is Ec2Cluster else None


def _right_part(raw: Mapping[str, Any], error: ValidationError) -> Ec2Cluster | None:
    """An EC2 cluster without what is wrong in it, so that the rules across its fields still speak."""
    part: Any = copy.deepcopy(dict(raw))
    for levels in range(DEPTH):
        for details in error.errors(include_url=False):
            loc = tuple(key for key in details["loc"] if key != "[key]")
            _prune(part, loc[: max(1, len(loc) - levels)], into_lists=True)
        part.setdefault("name", NAMELESS)
        try:
            return _parse(Ec2Cluster, part)
        except ValidationError as again:
            error = again
    return None


def _removed(raw: object, problems: list[Problem]) -> dict[str, NamespacedName]:
    """Namespaces and names of the services that are marked to be taken away, by their keys."""
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
        found = list(name_problems(name))
        service = _service(name, value, found, written)
        wrong = [problem.path for problem in found]
        if service is not None:
            services[name] = service
            found += [
                problem
                for problem in service_problems(name, service, production=production)
                if not any(_touches(path, problem.path) for path in wrong)
            ]
        problems += found
    return services


def _parse(model: type[M], raw: object) -> M:
    # By the keys of the configuration alone: with Python's names beside them, `node_port` would be taken, and lose
    # against `nodePort` without a word.
    return model.model_validate(raw, by_alias=True, by_name=False)


def _service(name: str, raw: object, problems: list[Problem], written: Mapping[str, str]) -> ServiceSettings | None:
    """Parses one service; what is wrong is left out and tried without, so that the other rules still speak."""
    path = below(SERVICES, name)
    model = _model(raw)
    try:
        return _parse(model, raw)
    except ValidationError as error:
        problems += from_pydantic(path, model, error, written)
        pruned = copy.deepcopy(raw)
        for details in error.errors(include_url=False):
            _prune(pruned, details["loc"])
    try:
        return _parse(model, pruned)
    except ValidationError:
        return None


def _model(raw: object) -> type[ServiceSettings]:
    strategy = raw.get("strategy") if isinstance(raw, Mapping) else None
    if strategy == "canary":
        return CanarySettings
    return ArgoBlueGreenSettings if strategy == "argoBlueGreen" else BlueGreenSettings


def _prune(raw: Any, loc: tuple[int | str, ...], *, into_lists: bool = False) -> None:
    *above, last = tuple(key for key in loc if key != "[key]") or (None,)
    for key in above:
        if into_lists and isinstance(raw, list) and isinstance(key, int):
            raw = raw[key]
            continue
        if not isinstance(raw, dict) or key not in raw:
            return
        raw = raw[key]
    if isinstance(raw, dict):
        raw.pop(last, None)


def _touches(one: str, other: str) -> bool:
    """Whether one path is the other, or above or below it."""
    return one == other or one.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{one}.", f"{one}["))
