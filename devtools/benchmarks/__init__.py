"""Benchmarks: switches against their peers, and growth with the number of services."""
