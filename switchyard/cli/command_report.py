"""The common base of the reports of all release commands."""

from abc import ABC, abstractmethod

from switchyard.cli.output import errors
from switchyard.kube.clock import from_text
from switchyard.release.record.hook import HookRecord


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
        """Reports that the state cannot be read. The command continues."""
        self.warn(f"The state of stack {self._stack} cannot be read, and the command continues without it: {why}")


class CollectedReport(CommandReport):
    """Prints what a command plans and does, and collects its warnings for the document.

    Args:
        stack: name of the stack.
        described: the kubeconfig and its context in words.
        as_json: whether the output is one JSON document.
    """

    def __init__(self, stack: str, described: str, *, as_json: bool) -> None:
        super().__init__(stack, described)
        self._as_json = as_json
        self._warnings: list[str] = []

    def warn(self, line: str) -> None:
        """Reports a warning, which is printed at once for people and is part of the document for scripts."""
        self._warnings.append(line)
        if not self._as_json:
            errors.print(line)

    def tell(self, line: str) -> None:
        """Prints a line at once on standard error, also with `--json`, whose document is on standard output."""
        self._warnings.append(line)
        errors.print(line)


def hook_line(hook: HookRecord) -> str:
    """The line about a hook that has ended, with its duration."""
    seconds = "" if hook.ended is None else f"{(from_text(hook.ended) - from_text(hook.started)).total_seconds():.0f} s"
    return f"{'hook':<9} {hook.outcome or '':<9} {seconds:>6}  {hook.name}: {hook.detail or ''}".rstrip(" :")
