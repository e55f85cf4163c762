"""A simple blue/green program for comparison: two Deployments, a Service, the provider's defaults."""

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service

config = pulumi.Config("naive")
namespace = config.require("namespace")
provider = Provider("cluster", kubeconfig=config.require("kubeconfig"))
options = pulumi.ResourceOptions(provider=provider)

deployments = []
for colour, tag in (("blue", "v1.0.0"), ("green", "v2.0.0")):
    labels = {"app": "backend", "version": colour}
    deployments.append(
        Deployment(
            f"backend-{colour}",
            metadata={"name": f"backend-{colour}", "namespace": namespace},
            spec={
                "replicas": 3,
                "selector": {"match_labels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "containers": [
                            {
                                "name": "app",
                                "image": f"ghcr.io/org/backend:{tag}",
                                "env": [{"name": "VERSION", "value": colour}],
                                "readiness_probe": {"http_get": {"path": "/ready", "port": 8000}},
                            }
                        ],
                        "node_selector": {"workload": "application"},
                    },
                },
            },
            opts=options,
        )
    )
Service(
    "backend",
    metadata={"name": "backend", "namespace": namespace},
    spec={
        "type": "NodePort",
        "selector": {"app": "backend", "version": config.require("active")},
        "ports": [{"port": 8000}],
    },
    opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=deployments)),
)
