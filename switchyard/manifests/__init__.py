"""Pure functions from settings to manifests. Nothing here imports Pulumi or talks to a cluster."""
