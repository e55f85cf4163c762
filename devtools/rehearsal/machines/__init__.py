"""What the EC2 instances of a rehearsal become: an API server and simulated kubelets."""
