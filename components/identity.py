"""The identity of a stack: drawn once, kept in its state, and written on every object of the stack.

Project and stack name are no identity: another backend, or a new state, may have the same two.
"""

import secrets
from dataclasses import dataclass

import pulumi
from pulumi.runtime.sync_await import _sync_await

NAME = "stack-identity"
"""The engine's name of the resource that keeps the identity. It must not be renamed, like the hooks."""

LENGTH = 8
"""Number of random bytes of an identity, enough to be unique."""


@dataclass(frozen=True)
class Identity:
    """The identity of a stack, which distinguishes it from others of the same project and name.

    Attributes:
        text: the identity; empty where the state has none, as at the destroy of one that an earlier version wrote.
        kept_in: the resource that keeps it, deleted after every object that carries the identity.
    """

    text: str = ""
    kept_in: pulumi.Resource | None = None


def stack_identity() -> Identity:
    """The identity in the stack's state; the first update draws one, and a preview before it draws one of its own.

    Waits until the engine has recorded it, so that no object is written with an identity that the state lacks, however
    the update ends.
    """
    drawn = secrets.token_hex(LENGTH)
    # Without a change of the input the resource is never updated; its output is the first input, whatever follows.
    kept = pulumi.Stash(NAME, input=drawn, opts=pulumi.ResourceOptions(ignore_changes=["input"]))
    text = _sync_await(kept.output.future())
    return Identity(text, kept) if isinstance(text, str) else Identity()
