"""Component resources of a service, one strategy a file."""
