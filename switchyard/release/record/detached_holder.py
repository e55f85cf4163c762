"""Stops a detached command on this machine, as Ctrl-C would."""

import contextlib
import os
import signal
import socket

import psutil

from switchyard.release.record.lease_holder import Held, user_name


def interrupt(held: Held) -> bool:
    """Interrupts the process that a Lease names, and the engine that it runs. Returns whether it did so.

    The process must be a detached process of this user on this machine, lead its own session, and run this program,
    because the system reuses process IDs.

    Args:
        held: the Lease that names the process.
    """
    if not held.detached or (held.user, held.host) != (user_name(), socket.gethostname()):
        return False
    with contextlib.suppress(psutil.Error, OSError):
        command = psutil.Process(held.process).cmdline()
        if any("switchyard" in word for word in command) and os.getsid(held.process) == held.process:
            os.killpg(held.process, signal.SIGINT)
            return True
    return False
