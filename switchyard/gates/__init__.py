"""What must hold on the cluster before traffic moves or pods go, and the messages when it does not."""
