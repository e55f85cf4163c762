"""Releases without downtime for a self-managed Kubernetes cluster."""

import os
import sys

# Where rich and pygments are installed, httpx imports its own command line with them, which takes longer than the rest
# of it. A module that is None counts as not installed, and httpx does without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

# Without this, pydantic searches the metadata of every installed package for plugins when it builds its first
# validator, which takes 0.03 s. A plugin would also be given every value of the configuration.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
