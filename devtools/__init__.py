"""What is for development alone and is not installed."""
