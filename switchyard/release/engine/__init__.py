"""Pulumi's engine as a subprocess, and the update of configuration and state to what serves."""
