"""The project file of Pulumi, to which the stack files belong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def project_file(directory: Path) -> Path | None:
    """The file of the project that a directory belongs to; None if there is none."""
    places = (above / f"Pulumi.{ending}" for above in (directory, *directory.parents) for ending in ("yaml", "yml"))
    return next((path for path in places if path.is_file()), None)


def project_settings(project: Path) -> Mapping[str, Any] | None:
    """The content of a project file; None if it cannot be read."""
    try:
        settings = yaml.safe_load(project.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeError, yaml.YAMLError):
        return None
    return settings if isinstance(settings, Mapping) else {}
