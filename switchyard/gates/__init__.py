"""Checks of the cluster before traffic is switched or pods are removed, and the messages if one fails."""
