"""Releases without downtime for a self-managed Kubernetes cluster."""
