"""The models of the configuration: one area a file, frozen, unknown keys refused."""
