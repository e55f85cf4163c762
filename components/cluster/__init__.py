"""Component resources of a cluster, one a file."""
