"""The stack's configuration as typed, frozen models. Nothing here imports Pulumi."""
