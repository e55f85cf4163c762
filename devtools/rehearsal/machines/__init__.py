"""Runs the EC2 instances of a rehearsal as an API server and simulated kubelets."""
