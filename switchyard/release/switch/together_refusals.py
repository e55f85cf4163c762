"""Refusals and errors of a switch of several services, with the versions that serve then. Pure functions."""

from collections.abc import Mapping, Sequence

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import Colour
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.release.engine.convergence_text import remedy, what_lacks
from switchyard.release.plan import Act, Plan
from switchyard.release.refusals import UNTOUCHED


def refuse_several(act: Act, words: Sequence[str]) -> Refusal | None:
    """Refuses several services, or a second word that is no colour, without --together.

    Args:
        act: the command.
        words: arguments of the command; the first is the service.
    """
    names = list(dict.fromkeys(word.partition("=")[0] for word in words))
    if len(words) == 1 or (act is Act.SWITCH and len(words) == len(("service", "colour")) and words[1] in set(Colour)):
        return None
    together = typed(f"switchyard {act} {' '.join(names)} --together")
    if act is Act.SWITCH and len(words) == len(("service", "colour")):
        observed = f"{words[1]} is not a colour"
        single = typed(f"switchyard switch {words[0]}")
        remedy = (
            f"{UNTOUCHED} To switch {words[0]} to its other colour: {single}. If {words[1]} is a service: {together}"
        )
    else:
        observed = "several services are named"
        remedy = f"{UNTOUCHED} For all of them: {together}"
    return Refusal(
        code=Code.TOGETHER_MISUSED,
        step=f"{', '.join(words)}: the {act}",
        observed=observed,
        rule="a command works on one service; with --together on several, all of them or none",
        remedy=remedy,
    )


def refuse_words(act: Act, words: Sequence[str]) -> Refusal | None:
    """Refuses arguments of a command with --together that are not services, each once.

    Args:
        act: the command.
        words: arguments of the command.
    """
    names = [word.partition("=")[0] for word in words]
    colours = [word.partition("=")[2] for word in words if "=" in word]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        observed = f"{', '.join(twice)} is named twice"
    elif [colour for colour in colours if act is not Act.SWITCH or colour not in set(Colour)]:
        observed = f"{' '.join(word for word in words if '=' in word)}: no colour of a switch"
    else:
        return None
    form = "SERVICE or SERVICE=blue or SERVICE=green" if act is Act.SWITCH else "SERVICE"
    return Refusal(
        code=Code.TOGETHER_MISUSED,
        step=f"{', '.join(words)}: the {act}",
        observed=observed,
        rule=f"with --together each service is named once, as {form}",
        remedy=f"{UNTOUCHED} For example: " + typed(f"switchyard {act} {' '.join(dict.fromkeys(names))} --together"),
    )


def report_undone(plans: Mapping[str, Plan], failed: str, why: str, touched: Sequence[str]) -> str:
    """Reports that a group was not switched, and that every service serves as before.

    Args:
        plans: plans by the key of the service.
        failed: the service whose selector could not be changed.
        why: the reason.
        touched: services whose selector was changed and changed back, and the failed one.
    """
    act = next(iter(plans.values())).act
    back = [key for key in touched if key != failed and plans[key].patch]
    serving = ", ".join(f"{key} {plan.source.colour} {plan.source.tag or ''}".rstrip() for key, plan in plans.items())
    return notice(
        Code.TOGETHER_UNDONE,
        ", ".join(plans),
        f"the {act} is not done, because {failed} could not be changed: {why.strip()}",
        (f"Changed back and read again: {', '.join(back)}. " if back else "")
        + f"All serve as before: {serving}. Remove the cause, and run the command again",
    )


def report_split(plans: Mapping[str, Plan], failed: str, why: str, split: Mapping[str, str]) -> str:
    """Reports that a group was not switched, and that some of its services could not be changed back.

    Args:
        plans: plans by the key of the service.
        failed: the service whose selector could not be changed.
        why: the reason.
        split: services that may not serve as before, each with the reason.
    """
    act = next(iter(plans.values())).act
    before = ", ".join(f"{key} ({plans[key].source.colour})" for key in plans if key not in split)
    going_on = "To continue: " + typed(f"switchyard {act} {' '.join(plans)} --together")
    if act is Act.DEPLOY:
        going_on = "To go back: " + typed(f"switchyard abort {next(iter(split))}")
    parts = "; ".join(f"{key}: {plans[key].target} may serve ({problem.strip()})" for key, problem in split.items())
    return notice(
        Code.TOGETHER_SPLIT,
        ", ".join(plans),
        f"the {act} stopped at {failed} ({why.strip()}), and not every service could be changed back: {parts}",
        (f"As before: {before}. " if before else "") + f"See what serves: {typed('switchyard status')}. {going_on}",
    )


def not_converged_together(plans: Mapping[str, Plan], stack: str, why: str, *, config: bool) -> str:
    """Reports that a group is switched, but configuration or state could not be updated.

    Args:
        plans: plans by the key of the service.
        stack: name of the stack.
        why: message of the engine.
        config: whether the configuration was updated, so that only the state is outdated.
    """
    # A switch to what serves and is configured already is refused, and all others with it.
    behind = {key: plan for key, plan in plans.items() if plan.observation.settings.active != plan.target}
    words = " ".join(f"{key}={plan.target}" for key, plan in (behind or plans).items())
    later = f"pulumi up --stack {stack}" if config else f"switchyard switch {words} --together --stack {stack} --yes"
    lacking = what_lacks(why, config=config)
    return notice(
        Code.NOT_CONVERGED,
        ", ".join(plans),
        f"they serve as requested, but {lacking} of stack {stack} cannot be updated now: {why.strip()}",
        remedy(why, later),
    )
