"""Faults for tests: endings of an image tag that cause a bad version, and a label that causes a bad node."""

NEVER_READY = "-never-ready"
"""Pods run, and always fail their readiness probe."""

CRASH_LOOP = "-crash-loop"
"""Containers exit as soon as they start: CrashLoopBackOff, never Ready."""

CRASH_AFTER_READY = "-crash-after-ready"
"""Pods turn Ready, and are in CrashLoopBackOff `CRASH_AFTER_MS` later."""

CRASH_AFTER_MS = 10_000
"""Milliseconds that a pod with `CRASH_AFTER_READY` is Ready: enough for the gate of a switch, on a busy machine too."""

READY_AFTER_MS = 500
"""Milliseconds until a good pod is Ready, so that the warming of a colour can be observed.

Real applications take longer; nothing is measured against this.
"""

NODE_FAULT_LABEL = "switchyard.local/fault"
"""Label that causes a fault of a simulated node. When it is removed, the node recovers."""

NODE_NOT_READY = "not-ready"
"""Value of the label: the kubelet reports that it is not ready."""

ERRORS = "-errors"
"""Probes succeed, and every request of a user gets a 500."""

ON_REAL_NODES_ONLY = frozenset({ERRORS})
"""Faults without a stage of the simulated kubelets, because simulated pods answer no requests."""
