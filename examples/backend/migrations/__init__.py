"""Migrations of the example's database in two steps, each of which suits the version before and the one after it."""
