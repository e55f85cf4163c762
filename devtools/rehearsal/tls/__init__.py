"""A fake TLS provider."""
