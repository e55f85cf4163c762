"""The watch of a new version: what is read of its pods, and the verdict."""
