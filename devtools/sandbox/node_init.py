"""Process 1 of a real node: ``python -m devtools.sandbox.node_init DIRECTORY``.

It holds the node's namespaces and reaps orphans, as an init does. When it is killed, the kernel ends every process of
the node, and then removes its mounts, its interfaces and its firewall rules.
"""

import os
import signal


def main() -> None:
    """Reaps orphaned processes, forever."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            signal.sigwait({signal.SIGCHLD})


if __name__ == "__main__":
    main()
