"""Installs engine, provider and Kubernetes servers of pinned versions into the project."""
