"""Reconciles the rules of a listener: existing rules are moved and changed in place before new ones are created.

The order is that of the controller (pkg/deploy/elbv2, synthesizer of listener rules): rules that differ only in their
priority are moved, and obsolete rules are moved to the end; rules of the right priority are changed; then new rules are
created, and obsolete ones deleted. A request therefore always matches a rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from devtools.rehearsal.aws.resource_type import Request
from devtools.rehearsal.load_balancer.desired import RESOURCE_TAG
from devtools.rehearsal.load_balancer.requests import create_rule, elb, tag_list
from devtools.rehearsal.values import Values

LAST_PRIORITY = 50000
"""The highest priority value that a rule may have."""


@dataclass
class RuleChanges:
    """The changes of the rules of a listener.

    Attributes:
        moved: new priority by ARN, of rules that differ only in it.
        changed: new settings by ARN, of rules that keep their priority.
        created: new rules.
        deleted: ARNs of obsolete rules, in their order.
    """

    moved: dict[str, int] = field(default_factory=dict)
    changed: dict[str, Values] = field(default_factory=dict)
    created: list[Values] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


def plan(there: Sequence[Values], desired: Sequence[Values]) -> RuleChanges:
    """Plans the changes that reconcile the existing rules with the desired ones.

    Args:
        there: the existing rules as DescribeRules returns them, without the default rule.
        desired: the rules that `devtools.rehearsal.load_balancer.requests.rules` returns.
    """
    changes, left, open_ = RuleChanges(), list(there), []
    for rule in desired:
        same = next((existing for existing in left if _settings(existing) == _settings(rule)), None)
        if same is None:
            open_.append(rule)
            continue
        left.remove(same)
        if int(same["Priority"]) != rule["Priority"]:
            changes.moved[same["RuleArn"]] = rule["Priority"]
    by_priority = {int(existing["Priority"]): existing for existing in left}
    for rule in open_:
        other = by_priority.pop(rule["Priority"], None)
        if other is None:
            changes.created.append(rule)
        else:
            changes.changed[other["RuleArn"]] = rule
    changes.deleted = [existing["RuleArn"] for _, existing in sorted(by_priority.items())]
    return changes


def requests(listener: str, port: int, changes: RuleChanges, tags: Mapping[str, str]) -> Iterator[Request]:
    """The calls of a plan, in their order.

    Args:
        listener: ARN of the listener.
        port: port of the listener.
        changes: the plan.
        tags: tags of all parts of the load balancer.
    """
    if changes.moved:
        first = LAST_PRIORITY - len(changes.deleted) + 1
        aside = {arn: first + number for number, arn in enumerate(changes.deleted)}
        # AWS sets all priorities of a call at once. moto refuses a priority that another rule of the same call still
        # has.
        between = {arn: first - 1 - number for number, arn in enumerate(changes.moved)}
        for pairs in (aside | between, changes.moved):
            listed = [{"RuleArn": arn, "Priority": priority} for arn, priority in pairs.items()]
            yield elb("SetRulePriorities", {"RulePriorities": listed})
    for arn, rule in changes.changed.items():
        yield elb("ModifyRule", {"RuleArn": arn, "Conditions": rule["Conditions"], "Actions": rule["Actions"]})
    for rule in changes.created:
        yield create_rule(listener, port, rule, tags)
    for arn in changes.deleted:
        yield elb("DeleteRule", {"RuleArn": arn})
    changed = changes.moved | {arn: rule["Priority"] for arn, rule in changes.changed.items()}
    for arn, priority in changed.items():
        own = tag_list({**tags, RESOURCE_TAG: f"{port}:{priority}"})
        yield elb("AddTags", {"ResourceArns": [arn], "Tags": own})


def _settings(rule: Values) -> object:
    """Conditions and target group of a rule, in either of the API's two forms."""
    configs = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}
    conditions = frozenset(
        (condition["Field"], frozenset((condition.get(configs[condition["Field"]]) or condition)["Values"]))
        for condition in rule["Conditions"]
    )
    return conditions, rule["Actions"][0]["TargetGroupArn"]
