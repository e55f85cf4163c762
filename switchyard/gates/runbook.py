"""References to the runbook in messages."""

RUNBOOK = "docs/runbook.md"
"""The runbook, from the project's root."""


def section(heading: str) -> str:
    """A reference to one section of the runbook, by its heading."""
    return f'{RUNBOOK}, "{heading}"'
