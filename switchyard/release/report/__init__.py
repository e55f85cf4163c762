"""The success measures of past releases."""
