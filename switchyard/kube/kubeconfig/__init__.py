"""Kubeconfigs, read by the rules of client-go."""
