"""Puts a matched set of engine, provider and Kubernetes servers into the project, at pinned versions."""
