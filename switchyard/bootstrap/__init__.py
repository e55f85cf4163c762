"""Pure renderers of the configuration of new nodes: cloud-init, kubeadm, scripts."""
