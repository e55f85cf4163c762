"""A switch or a rollback: the change of the traffic, its record, and how every node follows."""
