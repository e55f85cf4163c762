"""What the last update of a stack with a cluster of its own has left, and what this run must not take from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.failures import run_error
from components.relocation import last_outputs
from switchyard.config.commands import below
from switchyard.config.errors import Problem, SettingsError, shown
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.errors import AwsError
from switchyard.gates.rules.addresses import lost_networks, lost_urls
from switchyard.gates.rules.relocation import FIXED_OUTPUT, KUBECONFIG_OUTPUT
from switchyard.gates.runbook import section
from switchyard.operation import is_destroy

NODES = "nodes"
"""Output of the stack: instance id by node, of nodes that are Ready."""

URLS = "urls"
"""Output of the stack: URLs of each service behind the load balancer, by its key."""

ADMITTED = "admitted"
"""Output of the stack: the CIDR blocks that may reach the API server and the load balancer, by their settings."""

CONTROL_PLANE = "controlPlane"
"""Name of the control plane's node, among the settings that a cluster is created with."""

SUBNETS = "network.subnets"
"""Settings of the subnets, among those that a cluster is created with."""


@dataclass(frozen=True)
class LastUpdate:
    """The outputs of the last update.

    Attributes:
        kubeconfig: the administrator's kubeconfig; None before the first update that succeeds.
        nodes: instance id by node.
        fixed: settings that can no longer change, by their keys.
        urls: URLs of the services behind the load balancer, by the keys of the services.
        admitted: CIDR blocks that may reach the API server and the load balancer, by the keys of their settings.
    """

    kubeconfig: str | None = None
    nodes: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    urls: Mapping[str, list[str]] = field(default_factory=dict)
    admitted: Mapping[str, list[str]] = field(default_factory=dict)

    def warn_of_lost_urls(self, now: Mapping[str, list[str]], hostname: str = "") -> None:
        """Warns of URLs at which the load balancer no longer reaches a service; arguments as of the rule."""
        if not is_destroy() and (warning := lost_urls(self.urls, now, hostname)) is not None:
            pulumi.log.warn(warning)

    def warn_of_lost_networks(self, cluster: Ec2Cluster) -> None:
        """Warns of CIDR blocks from which the API server or the load balancer can no longer be reached."""
        now = admitted(cluster)
        for key, blocks in {} if is_destroy() else self.admitted.items():
            if key in now and (warning := lost_networks(f"{CLUSTER}.{key}", blocks, now[key])) is not None:
                pulumi.log.warn(warning)


def last_update() -> LastUpdate:
    """The outputs of the last update, with the secret one in plain text, which stays in memory."""
    outputs = last_outputs()
    return LastUpdate(
        outputs.get(KUBECONFIG_OUTPUT),
        outputs.get(NODES) or {},
        outputs.get(FIXED_OUTPUT) or {},
        outputs.get(URLS) or {},
        outputs.get(ADMITTED) or {},
    )


def admitted(cluster: Ec2Cluster) -> dict[str, list[str]]:
    """The CIDR blocks that may reach the API server and the load balancer, by the keys of their settings."""
    blocks = {"network.administrators": cluster.network.administrators}
    if cluster.load_balancer is not None:
        blocks["loadBalancer.inbound"] = cluster.load_balancer.inbound
    return {key: [str(block) for block in listed] for key, listed in blocks.items()}


def fixed_settings(cluster: Ec2Cluster) -> dict[str, str]:
    """The settings that a cluster is created with: another value would replace it, or part of it."""
    network = cluster.network
    return {
        "name": cluster.name,
        "region": cluster.region,
        "hostname": cluster.hostname or "",
        "network.vpc": str(network.vpc),
        "network.pods": str(network.pods),
        "network.services": str(network.services),
        # Another validity would change the certificates of the certificate authorities, which the machines do not get.
        "pki.caDays": str(cluster.pki.ca_days),
        CONTROL_PLANE: cluster.control_plane,
        # Machines and the load balancer stay in a subnet, and would lose their way to the internet.
        **{below(SUBNETS, zone): str(block) for zone, block in network.subnets.items()},
    }


def refuse_another(cluster: Ec2Cluster, last: LastUpdate) -> None:
    """Refuses settings of another cluster than the one that runs. A subnet may be added, and removed while unused.

    Raises:
        pulumi.RunError: a setting has another value than the cluster that runs.
    """
    fixed = fixed_settings(cluster)
    problems = []
    for key, value in last.fixed.items():
        if key == CONTROL_PLANE or fixed.get(key) == value:
            continue
        rule = f"the cluster that runs has {shown(value)}, which is fixed when it is created"
        remedy = "Set it back, or create another stack."
        if key not in fixed and key.startswith(SUBNETS):
            if (users := _users_of_subnet(cluster, value)) is None:
                continue
            rule = f"the cluster that runs has {shown(value)}, and {users}"
            remedy = f"Set it back. A subnet can be removed when nothing is in it: {section('Remove a subnet')}."
        problems.append(Problem(f"{CLUSTER}.{key}", shown(fixed[key]) if key in fixed else "missing", rule, remedy))
    if (machine := last.fixed.get(CONTROL_PLANE, cluster.control_plane)) != cluster.control_plane:
        rule = f"the control plane that runs is {machine}, and another name would delete its machine, with etcd"
        remedy = f"Set its name back. To replace its machine: {section('Replace a node')}."
        problems.append(Problem(f"{CLUSTER}.nodes", shown(cluster.control_plane), rule, remedy))
    if problems:
        raise run_error(SettingsError(problems))


def _users_of_subnet(cluster: Ec2Cluster, block: str) -> str | None:
    """What is in a subnet of the cluster that runs, as a clause; None for nothing."""
    # The SDK of AWS takes a while to import, and hardly any run removes a subnet.
    from switchyard.aws.subnets import interfaces_in  # noqa: PLC0415

    try:
        interfaces = interfaces_in(cluster, block)
    except AwsError as error:
        return f"what is in it is not known: {error}"
    return f"in it are {', '.join(interfaces)}" if interfaces else None
