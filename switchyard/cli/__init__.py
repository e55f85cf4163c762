"""The command line for releases."""
