"""Access to a cluster, a client whose calls are bounded, and snapshots of what was read."""
