"""The hooks of a release: Jobs and HTTP calls at fixed points, each run once."""
