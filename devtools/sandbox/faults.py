"""Faults that can be tried: suffixes of an image tag that make a bad version, and a label that makes a bad node."""

NEVER_READY = "-never-ready"
"""Pods run, and fail their readiness probe for ever."""

CRASH_LOOP = "-crash-loop"
"""Containers end as soon as they start: CrashLoopBackOff, never Ready."""

CRASH_AFTER_READY = "-crash-after-ready"
"""Pods turn Ready, and are in CrashLoopBackOff `CRASH_AFTER_MS` later."""

CRASH_AFTER_MS = 10_000
"""Milliseconds that a pod with `CRASH_AFTER_READY` is Ready: enough for the gate of a switch, on a busy machine too."""

READY_AFTER_MS = 500
"""Milliseconds that a good pod takes to be Ready, so that a colour that warms up can be watched.

Real applications take longer; nothing is measured against this.
"""

NODE_FAULT_LABEL = "switchyard.local/fault"
"""Label of a simulated node that is to misbehave; removed, the node recovers."""

NODE_NOT_READY = "not-ready"
"""Value of the label: the kubelet reports that it is not ready."""

ERRORS = "-errors"
"""Probes succeed, and every request of a user gets a 500."""

ON_REAL_NODES_ONLY = frozenset({ERRORS})
"""Faults without a stage of the simulated kubelets, whose pods answer nobody."""
