"""Rules across fields and across services: one area a file."""
