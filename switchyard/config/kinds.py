"""The kinds of cluster. The loader, the JSON schema and the reference page take them from here.

A stack on an existing cluster does not import this: the models of EC2 and their rules take time to import.
"""

from collections.abc import Mapping
from typing import get_args

from switchyard.config.models.cluster import ExistingCluster
from switchyard.config.models.ec2 import Ec2Cluster

Cluster = ExistingCluster | Ec2Cluster
"""A cluster of any kind."""

KINDS: Mapping[str, type[Cluster]] = {model.kind_name(): model for model in get_args(Cluster)}
"""Models of a cluster, by its kind."""
