"""Refusals of a switch or a rollback by command: pure functions."""

import shlex
from collections.abc import Collection, Mapping
from dataclasses import replace

from switchyard.codes import Code
from switchyard.config.commands import below, set_value, stack_option, typed
from switchyard.config.kubernetes import KUBE_SYSTEM, SERVICE_OF_SLICE
from switchyard.config.models.service import Colour, ServiceSettings
from switchyard.config.models.service_name import key_of
from switchyard.config.validation.services import SERVICES
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.rolled_back import RolledBack
from switchyard.kube.selectors import labels_text, serving_track
from switchyard.manifests.labels import colour_name, selector
from switchyard.manifests.ownership_marks import Mark, mark_of
from switchyard.release.by_hand import switch_by_hand
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.port_refusals import refuse_other_ports

UNTOUCHED = "Nothing was changed."


def refuse_unknown(key: str, stack: str, services: Collection[str], act: Act) -> Refusal | None:
    """Refuses a service that the stack does not have."""
    if key in services:
        return None
    first = next(iter(services), None)
    words = f"{act} {first}{' TAG' if act is Act.DEPLOY else ''}"
    remedy = f"Type one of them: switchyard {words} --stack {stack}" if first else "Add it to the configuration."
    return Refusal(
        code=Code.SERVICE_UNKNOWN,
        step=f"{key}: the {act}",
        observed=f"stack {stack} has " + (f"the services {', '.join(services)}" if services else "no services"),
        rule="a service is named by its key under switchyard:services",
        remedy=f"{UNTOUCHED} {remedy}",
    )


def refuse_strategy(key: str, service: ServiceSettings, act: Act) -> Refusal | None:
    """Refuses a service that is not switched between two colours by the program."""
    path = below(SERVICES, key)
    if service.strategy != "blueGreen":
        return Refusal(
            code=Code.STRATEGY_NOT_SWITCHED,
            step=f"{key}: the {act}",
            observed=f"its strategy is {service.strategy}",
            rule="a command switches services of the strategy blueGreen; Argo Rollouts switches the others",
            remedy=(
                f"{UNTOUCHED} What serves now: {typed('switchyard status')}. To release or to go back, set the tag: "
                f"{set_value(f'{path}.tag', service.tag, text=True)} && {typed('pulumi up')}"
            ),
        )
    return None


def refuse_foreign(
    name: str, service: ServiceSettings, live: Mapping[str, object] | None, own: Mark, cluster: str
) -> Refusal | None:
    """Refuses a Service that does not exist, or that does not have the mark of this stack.

    Args:
        name: name of the service.
        service: settings of the service.
        live: the Service on the cluster; None if it does not exist.
        own: project and name of the stack.
        cluster: the kubeconfig and its context in words.
    """
    mark = None if live is None else mark_of(live)
    if live is not None and mark is not None and mark.has_name_of(own):
        return None
    if live is None:
        observed = f"the cluster of {cluster} has no Service {name} in namespace {service.namespace}"
    else:
        observed = f"Service {name} on the cluster of {cluster} belongs to {mark or 'no stack'}, not to {own}"
    return Refusal(
        code=Code.SERVICE_NOT_OF_STACK,
        step=f"{key_of(name)}: this command",
        observed=observed,
        rule="a command changes only what its stack has created, on the stack's own cluster",
        remedy=(
            f"{UNTOUCHED} Check switchyard:cluster.kubeconfig, switchyard:cluster.context and KUBECONFIG. If it is the "
            # An update without a refresh creates nothing that the state has.
            f"right cluster, and the Service is new or was deleted, create it: {typed('pulumi up --refresh')}"
        ),
    )


def refuse_other_uid(stack: str, uid: str, known: str, cluster: str) -> Refusal | None:
    """Refuses another cluster than the one in the state.

    Args:
        stack: name of the stack.
        uid: UID of namespace kube-system on the cluster.
        known: the namespace's UID in the outputs of the stack; empty if the state does not have it.
        cluster: the kubeconfig and its context in words.
    """
    if not known or not uid or known == uid:
        return None
    return Refusal(
        code=Code.OTHER_CLUSTER,
        step="This command",
        observed=f"{cluster} is for another cluster (UID of {KUBE_SYSTEM} {uid}) than stack {stack} ({known})",
        rule="a command changes only what its stack has created, on the stack's own cluster",
        remedy=f"{UNTOUCHED} Correct switchyard:cluster.kubeconfig, switchyard:cluster.context or KUBECONFIG.",
    )


def refuse_selector(name: str, service: ServiceSettings, selected: Mapping[str, str]) -> Refusal | None:
    """Refuses a Service that selects neither of the two colours."""
    track = serving_track(name, selected)
    if track is not None and track.value in set(Colour):
        return None
    return Refusal(
        code=Code.SELECTOR_NOT_OF_PROGRAM,
        step=f"{key_of(name)}: this command",
        observed=f"Service {name} in namespace {service.namespace} selects {labels_text(selected)}",
        rule=f"a command switches between {' and '.join(labels_text(selector(name, colour)) for colour in Colour)}",
        remedy=f"{UNTOUCHED} {_what_answers(name, service, selected)}. To have the configured colour serve: "
        + typed("pulumi up --refresh"),
    )


def _what_answers(name: str, service: ServiceSettings, selected: Mapping[str, str]) -> str:
    """The command that shows the pods behind a Service, or its endpoints if it has no selector."""
    get = f"kubectl -n {service.namespace} get"
    if not selected:
        return f"Its endpoints, which it does not choose itself: {get} endpointslices -l {SERVICE_OF_SLICE}={name}"
    return f"Its pods serve now: {get} pods -l {shlex.quote(labels_text(selected))}"


def refuse_serving(observation: Observation, target: Colour, act: Act) -> Refusal | None:
    """Refuses a switch to the colour that already serves and is configured as active."""
    if observation.serving != target:
        return None
    return Refusal(
        code=Code.ALREADY_SERVING,
        step=f"{key_of(observation.name)}: the {act} to {target}",
        observed=f"{target} serves already ({observation.colours[target]})",
        rule="there is nothing to switch",
        remedy=f"{UNTOUCHED} To switch to the other one: {command(Act.SWITCH, observation.name, target.other)}",
    )


def not_switched(plan: Plan) -> str:
    """What a command has changed that stops after the pods of its version are created, and before its switch."""
    if plan.warm_tag is None:
        return "The Service was not changed."
    created = f"The pods of {plan.target} {plan.warm_tag} are created, and the configuration has them."
    return f"{created} The Service was not changed."


def refuse_no_pods(observation: Observation, target: Colour, act: Act, changed: str = UNTOUCHED) -> Refusal | None:
    """Refuses a rollback to a colour without a ready endpoint, or whose pods listen on other ports.

    Args:
        observation: observation of the service.
        target: the colour that is to serve.
        act: the command.
        changed: a sentence about what the command has changed.
    """
    state, service, name = observation.colours[target], observation.settings, observation.name
    if state.ready:
        return refuse_other_ports(observation, target, act, changed)
    return Refusal(
        code=Code.TARGET_NOT_READY,
        step=f"{key_of(name)}: the {act} to {target}",
        observed=f"none of its {state.wanted} pods is ready ({state.tag or 'no version'})",
        rule="a colour without a ready endpoint would answer no request",
        remedy=(
            f"{changed} {observation.what_serves} See: kubectl -n {service.namespace} get pods -l "
            f"{labels_text(selector(name, target))}"
        ),
    )


def refuse_nothing_before(observation: Observation, reason: str) -> Refusal:
    """Refuses a rollback when there is no version to go back to."""
    name, other = observation.name, observation.colours[observation.serving.other]
    onward = f"To have {other.colour} serve ({other}): {command(Act.SWITCH, name, other.colour)}"
    if not other.wanted:  # a switch to it would be refused
        onward = f"To release a version: {typed(f'switchyard deploy {key_of(name)} TAG')}"
    return Refusal(
        code=Code.NOTHING_TO_ROLL_BACK_TO,
        step=f"{key_of(name)}: the rollback",
        observed=reason,
        rule="a rollback goes to the version that served before",
        remedy=f"{UNTOUCHED} {observation.what_serves} {onward}",
    )


def refuse_rolled_back_target(plan: Plan, version: RolledBack | None, *, abortable: bool) -> Refusal | None:
    """Refuses a rollback to a version that was rolled back itself.

    Args:
        plan: plan of the rollback.
        version: the rollback of the version to which it goes; None if it was not rolled back.
        abortable: whether a deploy runs that an abort takes back to that version.
    """
    if version is None:
        return None
    refusal = refuse_nothing_before(plan.observation, f"{version.colour} {version.tag} {version.described}")
    key = key_of(plan.observation.name)
    abort = f". To abort the deploy, which returns to it: {typed(f'switchyard abort {key}')}" if abortable else ""
    anyway = f"To roll back to it anyway, give the reason: {typed(f'switchyard rollback {key} --override REASON')}"
    return replace(refusal, remedy=f"{refusal.remedy}{abort}. {anyway}")


def refuse_changed(name: str, changed: str = UNTOUCHED) -> Refusal:
    """Refuses to change a Service that somebody else has changed since it was read.

    Args:
        name: name of the service.
        changed: a sentence about what the command has changed.
    """
    return Refusal(
        code=Code.SERVICE_CHANGED,
        step=f"{key_of(name)}: this command",
        observed=f"somebody has changed Service {name} or the pods of its colours while the command ran",
        rule="a selector is changed only as the operator has confirmed it",
        remedy=f"{changed} See what serves, and run the command again: {typed('switchyard status')}",
    )


def refuse_other_than_confirmed(confirmed: Observation, now: Observation) -> Refusal | None:
    """Refuses a release when another version serves than the one that the operator was shown."""
    before, serving = confirmed.colours[confirmed.serving], now.colours[now.serving]
    return None if (before.colour, before.tag) == (serving.colour, serving.tag) else refuse_changed(now.name)


def refuse_unconfirmed(step: str, confirmed: str) -> Refusal:
    """Refuses a step without a confirmation if there is no terminal to ask at, and proposes the command with --yes."""
    return Refusal(
        code=Code.CONFIRMATION_NEEDED,
        step=step,
        observed="there is no terminal to ask at, and --yes is not given",
        rule="a command that changes what serves is confirmed, at a terminal or by --yes",
        remedy=f"{UNTOUCHED} To confirm it: {confirmed}",
    )


def refuse_kubeconfig_unreachable(name: str, service: ServiceSettings, target: Colour | None, why: str) -> Refusal:
    """Refuses to continue without the kubeconfig of a cluster that the stack creates, which only the state has."""
    choose = (
        "put the colour that is to serve in place of <blue or green>; what serves now is in the answer of kubectl -n "
        f"{service.namespace} get service {name} -o wide. "
        if target is None
        else ""
    )
    return Refusal(
        code=Code.KUBECONFIG_IN_STATE,
        step=f"{key_of(name)}: this command",
        observed=f"the kubeconfig of this cluster is in the state of the stack, which cannot be read: {why}",
        rule="without it the cluster cannot be reached",
        remedy=(f"{UNTOUCHED} With a kubeconfig of your own, by hand: {choose}{switch_by_hand(name, service, target)}"),
    )


def refuse_not_warmed(plan: Plan, why: str) -> Refusal:
    """Refuses a rollback to a retired version whose pods the engine could not create."""
    name, namespace = plan.observation.name, plan.observation.settings.namespace
    path = f"{below(SERVICES, key_of(name))}.{plan.target}"
    by_hand = (
        f"kubectl -n {namespace} scale deployment {colour_name(name, plan.target)} --replicas={plan.source.wanted}"
    )
    remedy = (
        f"Its Deployment still has that version. Without the state: {by_hand}"
        if plan.to.tag == plan.warm_tag
        else f"Then: {set_value(f'{path}.tag', plan.warm_tag, text=True)} && "
        f"{set_value(f'{path}.replicas', plan.source.wanted)} && {typed('pulumi up')}"
    )
    return Refusal(
        code=Code.NOT_WARMED,
        step=f"{key_of(name)}: the rollback to {plan.target} {plan.warm_tag}",
        observed=f"its pods are not ready: {why.strip()}",
        rule="a version without ready pods would answer no request",
        remedy=(
            f"The Service was not changed. {plan.observation.what_serves} {remedy}, and when its pods are ready: "
            + typed(f"switchyard rollback {key_of(name)}")
        ),
    )


def command(act: Act, name: str, colour: Colour | None = None, stack: str | None = None) -> str:
    """The command line of a switch or a rollback."""
    line = " ".join(["switchyard", act.value, key_of(name), *([colour.value] if colour else [])])
    return line + stack_option(stack) if stack else typed(line)
