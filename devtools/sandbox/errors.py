"""Errors of starting and ending a sandbox."""


class SandboxError(Exception):
    """The sandbox could not be started or ended. The text names the cause and the remedy."""


class ComponentError(SandboxError):
    """A component ended while it was waited for."""
