"""The end of `make up`: what it tells its reader to type works in the state that it leaves."""

import shlex
from typing import Any

import typer.main
import yaml

from devtools.sandbox.local_stack import CONFIG, NEXT_STEPS
from switchyard.cli.main import app
from switchyard.config.loader import load
from switchyard.config.models.service import BlueGreenSettings

COMMANDS = [shlex.split(line, comments=True) for line in NEXT_STEPS.splitlines() if line.startswith("  ")]
RELEASES = [words for words in COMMANDS if words[0] == "switchyard"]


def backend() -> BlueGreenSettings:
    values = yaml.safe_load(CONFIG.read_text())["config"]
    service = load(values["switchyard:cluster"], values["switchyard:services"], "local").services["backend"]
    assert isinstance(service, BlueGreenSettings)
    return service


def test_the_commands_of_a_release_come_first() -> None:
    assert [words[1] for words in RELEASES] == ["deploy", "rollback", "status"]
    first = [words[0] for words in COMMANDS]
    assert first.index("switchyard") < first.index("pulumi")


def test_each_is_a_command_of_this_program() -> None:
    group: Any = typer.main.get_command(app)
    for _, name, *arguments in RELEASES:
        group.commands[name].make_context(name, list(arguments))


def test_the_release_is_of_a_version_that_does_not_serve_yet() -> None:
    service = backend()
    (_, _, deployed, tag), (_, _, rolled_back), _ = RELEASES
    assert deployed == rolled_back == "backend"
    assert tag not in {service.blue.tag, service.green.tag}
    assert (service.active, service.green.replicas) == ("blue", 0)


def test_the_second_release_is_of_a_version_that_was_not_rolled_back() -> None:
    set_again = [words[-1] for words in COMMANDS if words[0] == "pulumi" and "green.tag" in words[-2]]
    assert set_again
    assert set_again[0] not in {backend().blue.tag, RELEASES[0][3]}
