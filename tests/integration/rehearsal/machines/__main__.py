"""The AWS resources of a stack only: its Kubernetes objects have a rehearsal of their own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))

import pulumi

from components.cluster.ec2 import Ec2Machines
from switchyard.config.loader import load
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.kube.access import StackKubeconfig

config = pulumi.Config("switchyard")
settings = load(config.get_object("cluster"), config.get_object("services"), "production", production=True)
assert isinstance(settings.cluster, Ec2Cluster)


async def answers(_: str) -> None:
    """Nothing to wait for: no machine boots."""


machines = Ec2Machines(
    "cluster",
    cluster=settings.cluster,
    services=settings.services,
    production=settings.production,
    stack_kubeconfig=StackKubeconfig(),
    wait_for_api=answers,
)
pulumi.export("kubeconfig", machines.kubeconfig)
pulumi.export("endpoint", machines.endpoint)
