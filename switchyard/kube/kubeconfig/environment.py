"""The places in which a process searches for a kubeconfig: environment, directory and project."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class KubeconfigEnvironment:
    """The places in which a kubeconfig is searched for.

    Attributes:
        environment: variables of the process.
        working: directory that the user is in, which kubectl counts relative paths from.
        project: directory of Pulumi.yaml, which a relative path in the settings counts from.
        service_account: directory in which a pod has its own credentials.
    """

    environment: Mapping[str, str]
    working: Path
    project: Path
    service_account: Path = SERVICE_ACCOUNT

    @classmethod
    def of_process(cls) -> "KubeconfigEnvironment":
        """The surroundings of this process."""
        working = Path.cwd()
        project = project_directory(working)
        # The engine runs the program in the project's directory, wherever below it the user is.
        shell = Path(os.environ.get("PWD", ""))
        below = working == project and shell.is_relative_to(project)
        return cls(os.environ, shell if below else working, project)

    def expanded(self, path: str) -> Path:
        """A path of the settings: `~` is the home directory, and a relative path counts from the project."""
        if path == "~" or path.startswith("~/"):
            path = self.home + path[1:]
        return self.project / path

    @property
    def home(self) -> str:
        """The user's home directory, as client-go takes it."""
        return self.environment.get("HOME") or str(Path.home())


def project_directory(start: Path) -> Path:
    """The directory that the program runs in: that of Pulumi.yaml, at or above a directory, or of its key `main`.

    Without a Pulumi.yaml it is the directory itself.
    """
    for directory in (start, *start.parents):
        for name in PROJECT_FILES:
            if (directory / name).is_file():
                return _program_directory(directory, directory / name)
    return start


def _program_directory(directory: Path, project: Path) -> Path:
    try:
        parsed = yaml.safe_load(project.read_bytes())
    except (OSError, yaml.YAMLError):  # the engine refuses it itself
        return directory
    main = directory / str((parsed if isinstance(parsed, dict) else {}).get("main") or "")
    return main.parent if main.is_file() else Path(os.path.normpath(main))
