"""Releases without downtime for a self-managed Kubernetes cluster."""

import sys

# Where rich and pygments are installed, httpx imports its own command line with them, which takes longer than the rest
# of it. A module that is None counts as not installed, and httpx does without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
