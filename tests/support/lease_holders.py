"""A command in a process of its own that holds the Lease of a service."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.support.kubectl import Kubectl

HOLDER = """
import asyncio, signal, sys
from switchyard.kube.access import ClusterAccess
from switchyard.kube.clock import ServerClock
from switchyard.release.record.lease import ReleaseLease
from switchyard.release.record.lease_holder import Holder

async def main(kubeconfig, namespace):
    api = await ClusterAccess(kubeconfig).api()
    lease = ReleaseLease(api, namespace, "backend", Holder("deploy"), await ServerClock.ask(api))
    async with lease.held():
        await lease.enter("warm")
        print("held", flush=True)
        await asyncio.sleep(600)

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job ignores
asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def holding_lease(kubectl: Kubectl) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the Lease in phase `warm` within the block; at its end it is interrupted and releases it."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(kubectl.kubeconfig), kubectl.namespace],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.send_signal(signal.SIGINT)
        holder.wait()
        holder.stdout.close()


def expire_lease(kubectl: Kubectl, service: str = "backend") -> None:
    """Makes the Lease that a killed command holds as old as it is 15 s later."""
    kubectl.run("patch", "lease", f"{service}-release", "-p", '{"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}}')


def renew_lease(kubectl: Kubectl, service: str = "backend") -> None:
    """Makes the Lease that a killed command holds as new as right after the kill, unless nobody holds it."""
    name = f"{service}-release"
    if kubectl.get("lease", name)["spec"].get("holderIdentity"):
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        kubectl.run("patch", "lease", name, "-p", json.dumps({"spec": {"renewTime": now}}))
