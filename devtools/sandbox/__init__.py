"""A local 7-node cluster: real etcd, API server, controllers and scheduler; the kubelets are simulated.

Pods turn Ready without running: probes and images are not exercised, and nothing answers on their addresses.
"""

from devtools.sandbox.cluster import Sandbox
from devtools.sandbox.errors import SandboxError

__all__ = ["Sandbox", "SandboxError"]
