"""Migrations of the example's database in two steps, each of which works with the versions before and after it."""
