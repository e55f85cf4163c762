"""A service and its load balancer as on a cluster of EC2 machines, on an existing cluster."""

import sys
from pathlib import Path

import pulumi

sys.path.insert(0, str(Path(__file__).parents[4]))

from components.cluster.existing import ExistingClusterAccess
from components.cluster.load_balancer import AlbIngress
from components.cluster.load_balancer_routes import Routes
from components.platform import after
from components.services.blue_green import BlueGreenService
from components.services.load_balancer_weights import inspect_weights
from switchyard.config.errors import SettingsError
from switchyard.config.loader import load
from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings
from switchyard.gates import load_balancer as balancer_wait
from switchyard.kube.access import ClusterAccess

# What stands for the controller says at once what it has to say.
balancer_wait.FAILING_SECONDS = 2.0
config = pulumi.Config("switchyard")
try:
    settings = load(config.get_object("cluster"), config.get_object("services"), "test")
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None
assert isinstance(settings.cluster, Ec2Cluster)
kubeconfig = pulumi.Config("sandbox").require("kubeconfig")
access = ClusterAccess(kubeconfig)
leaving = inspect_weights(settings.cluster, settings.services, access)
cluster = ExistingClusterAccess("cluster", cluster=ExistingCluster(kind="existing", kubeconfig=kubeconfig))
on_cluster = pulumi.ResourceOptions(providers={"kubernetes": cluster.provider})
balancer = AlbIngress(
    "balancer",
    cluster=settings.cluster,
    services=settings.services,
    production=False,
    security_group_id="sg-0123456789abcdef0",
    access=access,
    opts=on_cluster,
)
routes = Routes(balancer, settings.cluster, settings.services)
on_cluster = after(on_cluster, routes.register(leaving, pulumi.ResourceOptions()))
released = []
for name, service in settings.services.items():
    assert isinstance(service, BlueGreenSettings)
    routing = routes.weighted_routing(name)
    released.append(BlueGreenService(name, service=service, access=access, routing=routing, opts=on_cluster))
routes.register_remaining(after=released)
pulumi.export("active", released[0].active)
pulumi.export("kubeconfig", pulumi.Output.secret(Path(kubeconfig).read_text()))
pulumi.export("urls", balancer.urls)
