"""Runs a program with the real engine, as a user at a shell does, on a separate state."""

import contextlib
import copy
import json
import logging
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from devtools.toolchain.paths import NOTHING_FETCHED, PROJECT, THIS_CHECKOUT, Installation, file_backend

_LOG = logging.getLogger(__name__)
_LOG.addHandler(logging.NullHandler())

NAME = "test"
ENGINE_LIMIT = 600
"""Seconds after which an engine that hangs is killed. Updates in tests are much shorter."""

_SAVED_AT_THE_END = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""Variables with which the engine saves the state once, at the end of an update, also of a failed one, and not after
every step.

An engine that is killed then loses the update. Engine 3.274.1 serializes the whole state at every step, also in a
preview, whose state it discards: a preview of 50 new services took 26 to 28 CPU-s, and 10 with this setting.
"""

_EMPTY: dict[tuple[Path, str, str], tuple[dict[str, Any], dict[Path, bytes]]] = {}
"""State and other files of a new stack, by engine, project and name of the stack."""


@dataclass(frozen=True)
class Result:
    """The output and exit code of one run of the engine."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.code == 0


class Stack:
    """A stack with a file backend and a configuration file in a directory of its own, for tests and benchmarks.

    Args:
        directory: an empty directory.
        config: the stack's configuration, by its full keys.
        program: folder of the program and its Pulumi.yaml.
        name: name of the stack.
        environment: additional variables of the engine.
        installation: the engine and the Python environment of the program.

    Attributes:
        saved_at_the_end: whether the engine saves the state only at the end of an update. That costs less, and suits
            every update whose engine is not killed.
    """

    saved_at_the_end = False

    def __init__(
        self,
        directory: Path,
        config: dict[str, Any],
        program: Path = PROJECT,
        name: str = NAME,
        environment: Mapping[str, str] | None = None,
        installation: Installation = THIS_CHECKOUT,
    ) -> None:
        self.directory = directory
        self.name = name
        self.installation = installation
        self._config_file = directory / f"Pulumi.{name}.yaml"
        # A directory with a link to the project file and its program, and with its own stack files.
        project = yaml.safe_load((program / "Pulumi.yaml").read_text())
        project["main"] = str(program)
        project["runtime"]["options"]["virtualenv"] = str(installation.python)
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        self.config = {"config": config}
        state = directory / "state"
        state.mkdir()
        self.environment = {
            **installation.environment({**os.environ, **(environment or {})}),
            **NOTHING_FETCHED,
            "PULUMI_BACKEND_URL": file_backend(state),
            "PULUMI_CONFIG_PASSPHRASE": "of a throw-away state, protects nothing",
        }
        self.environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        self._begin(state, project["name"])

    def _begin(self, state: Path, project: str) -> None:
        """Creates the stack with the engine; a second stack of the same name starts from a copy of that result."""
        self._write()
        key = self.installation.engine, project, self.name
        empty = _EMPTY.get(key)
        if empty is None:
            self.run("stack", "init", check=True)
            # The engine has written its encryption salt into the file, which later changes must keep.
            self.config = yaml.safe_load(self._config_file.read_text())
            beside = {key: value for key, value in self.config.items() if key != "config"}
            files = {file.relative_to(state): file.read_bytes() for file in state.rglob("*") if file.is_file()}
            _EMPTY[key] = beside, files
            return
        beside, files = empty
        for path, content in files.items():
            (state / path).parent.mkdir(parents=True, exist_ok=True)
            (state / path).write_bytes(content)
        self.config |= beside
        self._write()

    def set(self, path: str, value: Any) -> None:
        """Sets one value, as ``pulumi config set --path 'switchyard:<path>'`` does.

        Args:
            path: keys with dots between them, for example ``services.backend.active``.
            value: the new value; None removes the key.
        """
        *above, last = f"switchyard:{path}".split(".")
        node = self.config["config"]
        for key in above:
            node = node.setdefault(key, {})
        if value is None:
            node.pop(last, None)
        else:
            node[last] = value
        self._write()

    def snapshot(self) -> dict[str, Any]:
        """Returns a copy of the configuration, for `restore`."""
        return copy.deepcopy(self.config)

    def restore(self, config: dict[str, Any]) -> None:
        """Restores an earlier configuration."""
        self.config = copy.deepcopy(config)
        self._write()

    def replace(self, key: str, value: Any) -> None:
        """Sets one value by its full key, for example ``naive:active``."""
        self.config["config"][key] = value
        self._write()

    def up(self, *arguments: str) -> Result:
        """Updates the stack."""
        return self.run("up", "--yes", "--skip-preview", *arguments)

    def preview(self, *arguments: str) -> Result:
        """Previews an update, with its diff."""
        return self.run("preview", "--diff", *arguments)

    def planned(self) -> dict[str, str]:
        """Returns the planned operation of each resource that a preview would change, by name."""
        steps = json.loads(self.run("preview", "--json", check=True).output)["steps"]
        return {step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same"}

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        outputs: dict[str, Any] = json.loads(self.run("stack", "output", "--json", check=True).output)
        return outputs

    def destroy(self) -> Result:
        """Deletes everything in the stack."""
        return self.run("destroy", "--yes", "--skip-preview")

    def run(self, *arguments: str, check: bool = False) -> Result:
        """Runs one command of the engine on this stack."""
        process = self.start(*arguments)
        try:
            output, _ = process.communicate(timeout=ENGINE_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill(process)
            raise
        result = Result(process.returncode, output)
        if not result.ok:
            _LOG.warning("%s", output)  # shown by a failing test, whatever it asserts
        if check and not result.ok:
            raise RuntimeError(f"pulumi {' '.join(arguments)}: {result.output}")
        return result

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts one command of the engine, in a process group of its own, and returns at once."""
        if arguments[0] == "destroy":
            arguments = (*arguments, "--run-program")  # the program has the delete hooks of its objects
        options = ["--stack", self.name, "--non-interactive", "--color", "never", "--cwd", str(self.directory)]
        return subprocess.Popen(
            [str(self.installation.engine), *arguments, *options],
            env=self.environment | (_SAVED_AT_THE_END if self.saved_at_the_end else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if "--json" not in arguments else subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def kill(self, process: subprocess.Popen[str]) -> str:
        """Kills the engine, its language host, the program and its providers.

        Returns the output that was not read before.
        """
        engine = psutil.Process(process.pid)
        family = [engine, *engine.children(recursive=True)]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        printed, _ = process.communicate()
        psutil.wait_procs(family)
        return printed

    def _write(self) -> None:
        self._config_file.write_text(yaml.safe_dump(self.config, sort_keys=False))
