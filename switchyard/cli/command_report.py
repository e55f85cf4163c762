"""What the reports of all commands of a release have in common."""

from abc import ABC, abstractmethod


class CommandReport(ABC):
    """Prints what a command plans and does.

    Args:
        stack: name of the stack.
        described: the kubeconfig and its context in words.
    """

    def __init__(self, stack: str, described: str) -> None:
        self._stack = stack
        self._described = described

    @abstractmethod
    def warn(self, line: str) -> None:
        """Reports a warning."""

    def state_unreachable(self, why: str) -> None:
        """Reports that the state cannot be read, which does not stop a command."""
        self.warn(f"The state of stack {self._stack} cannot be read, and the command goes on without it: {why}")
