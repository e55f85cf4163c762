"""``python -m switchyard``."""

from switchyard.cli.main import app

app()
