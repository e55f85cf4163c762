"""Rules across fields and across services, one file for each area."""
