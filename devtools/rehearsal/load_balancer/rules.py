"""Rules of a listener that are there, brought to what is wanted: moved and changed in place before any is made anew.

In the order of the controller (pkg/deploy/elbv2, synthesizer of listener rules): what is right but for its priority is
moved, and what nobody wants is moved to the end meanwhile; what has the right priority is changed; then rules are made,
and at last deleted. A request therefore always finds a rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from devtools.rehearsal.aws.resource_type import Request
from devtools.rehearsal.load_balancer.desired import RESOURCE_TAG
from devtools.rehearsal.load_balancer.requests import create_rule, elb, tag_list
from devtools.rehearsal.values import Values

LAST_PRIORITY = 50000
"""The last one that a rule may have."""


@dataclass
class RuleChanges:
    """What is done to the rules of a listener.

    Attributes:
        moved: priority by ARN, of rules that are right but for it.
        changed: what a rule becomes in its place, by ARN.
        created: rules that are made.
        deleted: ARNs of rules that go, in their order.
    """

    moved: dict[str, int] = field(default_factory=dict)
    changed: dict[str, Values] = field(default_factory=dict)
    created: list[Values] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


def plan(there: Sequence[Values], desired: Sequence[Values]) -> RuleChanges:
    """What it takes to bring the rules that are there to those that are desired.

    Args:
        there: as DescribeRules has them, the default one left out.
        desired: as `devtools.rehearsal.load_balancer.requests.rules` has them.
    """
    found, left, open_ = RuleChanges(), list(there), []
    for rule in desired:
        same = next((one for one in left if _settings(one) == _settings(rule)), None)
        if same is None:
            open_.append(rule)
            continue
        left.remove(same)
        if int(same["Priority"]) != rule["Priority"]:
            found.moved[same["RuleArn"]] = rule["Priority"]
    by_priority = {int(one["Priority"]): one for one in left}
    for rule in open_:
        other = by_priority.pop(rule["Priority"], None)
        if other is None:
            found.created.append(rule)
        else:
            found.changed[other["RuleArn"]] = rule
    found.deleted = [one["RuleArn"] for _, one in sorted(by_priority.items())]
    return found


def requests(listener: str, port: int, made: RuleChanges, tags: Mapping[str, str]) -> Iterator[Request]:
    """The calls of a plan, in their order.

    Args:
        listener: its ARN.
        port: of the listener.
        made: the plan.
        tags: of all that the load balancer has.
    """
    if made.moved:
        first = LAST_PRIORITY - len(made.deleted) + 1
        aside = {arn: first + number for number, arn in enumerate(made.deleted)}
        # AWS takes all priorities of a call at once. For moto one that a rule of the same call leaves is in use.
        between = {arn: first - 1 - number for number, arn in enumerate(made.moved)}
        for pairs in (aside | between, made.moved):
            listed = [{"RuleArn": arn, "Priority": priority} for arn, priority in pairs.items()]
            yield elb("SetRulePriorities", {"RulePriorities": listed})
    for arn, rule in made.changed.items():
        yield elb("ModifyRule", {"RuleArn": arn, "Conditions": rule["Conditions"], "Actions": rule["Actions"]})
    for rule in made.created:
        yield create_rule(listener, port, rule, tags)
    for arn in made.deleted:
        yield elb("DeleteRule", {"RuleArn": arn})
    changed = made.moved | {arn: rule["Priority"] for arn, rule in made.changed.items()}
    for arn, priority in changed.items():
        own = tag_list({**tags, RESOURCE_TAG: f"{port}:{priority}"})
        yield elb("AddTags", {"ResourceArns": [arn], "Tags": own})


def _settings(rule: Values) -> object:
    """Conditions and target group of a rule, whichever of the API's two forms it has them in."""
    configs = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}
    conditions = frozenset(
        (condition["Field"], frozenset((condition.get(configs[condition["Field"]]) or condition)["Values"]))
        for condition in rule["Conditions"]
    )
    return conditions, rule["Actions"][0]["TargetGroupArn"]
