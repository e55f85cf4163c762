"""``python -m switchyard``."""

from switchyard.cli import app

app()
