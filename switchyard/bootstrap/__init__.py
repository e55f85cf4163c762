"""Pure renderers of what turns a machine into a node: cloud-init, kubeadm, scripts."""
