"""The messages about releases to webhooks."""
