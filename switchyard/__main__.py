"""``python -m switchyard``."""

from switchyard.cli.main import main

main()
