"""The settings of the stack that this program runs for."""

import pulumi

from components.failures import errors_end_the_run
from switchyard.config.commands import about_stack
from switchyard.config.loader import NAMESPACE, StackSettings, load
from switchyard.config.stack_file import read_stack_file
from switchyard.operation import config_file, project_directory


def read_settings() -> StackSettings:
    """Reads and validates the configuration of the stack.

    Raises:
        pulumi.RunError: the configuration has errors, which the message lists, a line for each.
    """
    about_stack(pulumi.get_stack())  # a message in the log of a pipeline is pasted where another stack is selected
    config = pulumi.Config(NAMESPACE)
    with errors_end_the_run():
        return load(
            config.get_object("cluster"),
            config.get_object("services"),
            pulumi.get_stack(),
            production=_production(config),
            secret_keys=pulumi.runtime.get_config_secret_keys_env(),
            former=config.get("formerStack"),
            keys=pulumi.runtime.config.get_config_env(),
            raw_releases=config.get_object("releases"),
            written=read_stack_file(project_directory(), pulumi.get_stack(), NAMESPACE, config_file()),
        )


def _production(config: pulumi.Config) -> bool | str | None:
    """Whether the stack is marked as production; the text of a value that is neither true nor false, to be refused."""
    try:
        return config.get_bool("production")
    except pulumi.ConfigTypeError:
        return config.get("production")
