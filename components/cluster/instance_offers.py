"""Asks AWS, before anything is created, whether it has the instance types of the nodes, and enough vCPUs for them."""

from collections.abc import Collection

import pulumi

from components.cluster.aws_functions import ask_aws
from components.failures import run_error
from switchyard.codes import Code
from switchyard.config.errors import SettingsError
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.validation.offers import ALTERNATIVES, offer_problems
from switchyard.errors import AwsError
from switchyard.gates.rules.quota import QUOTA, quota_warning
from switchyard.gates.rules.refusal import notice

LIST = "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"
"""The function of the AWS provider that lists where instance types are offered."""

GET_QUOTA = "aws:servicequotas/getServiceQuota:getServiceQuota"
"""The function of the AWS provider that reads a quota of the account."""


def check_instances(parent: pulumi.Resource, cluster: Ec2Cluster, existing: Collection[str]) -> pulumi.Output[None]:
    """Refuses new nodes of a type that AWS does not have in their zone, and warns of other machines it may not start.

    An existing machine keeps its own type, so that a wrong one in the settings must not stop an update. Without an
    answer of AWS nothing is refused.

    Args:
        parent: the component whose AWS provider is asked.
        cluster: settings of the cluster.
        existing: names of the nodes that have a machine.

    Returns:
        An output that is known when the check is done; what depends on it is not created if a node is refused.
    """

    async def check() -> None:
        try:
            await _check_offers(parent, cluster, existing)
            if not cluster.nodes.keys() <= set(existing):
                answer = await ask_aws(GET_QUOTA, {"serviceCode": "ec2", "quotaCode": QUOTA}, parent)
                if (warning := quota_warning(cluster, float(answer["value"]))) is not None:
                    pulumi.log.warn(warning, parent)
        except AwsError as error:
            pulumi.log.info(f"whether AWS can start the machines of the nodes is not known: {error}", parent)

    return pulumi.Output.from_input(check())


async def _check_offers(parent: pulumi.Resource, cluster: Ec2Cluster, existing: Collection[str]) -> None:
    types = sorted({*ALTERNATIVES, *(node.type for node in cluster.nodes.values())})
    arguments = {"locationType": "availability-zone", "filters": [{"name": "instance-type", "values": types}]}
    answer = await ask_aws(LIST, arguments, parent)
    offers: dict[str, set[str]] = {}
    for type_, zone in zip(answer["instanceTypes"], answer["locations"], strict=True):
        offers.setdefault(type_, set()).add(zone)
    problems = list(offer_problems(cluster, offers))
    for problem in (problem for name, problem in problems if name in existing):
        observed, remedy = f"{problem.value}: {problem.rule}, so that a replacement would fail", problem.remedy
        pulumi.log.warn(notice(Code.MACHINE_DIFFERS, problem.path, observed, remedy), parent)
    if refused := [problem for name, problem in problems if name not in existing]:
        raise run_error(SettingsError(refused))
