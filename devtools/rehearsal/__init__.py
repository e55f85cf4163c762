"""Fake providers of AWS and TLS, so that the real engine runs a whole stack before it costs anything. Not AWS."""
