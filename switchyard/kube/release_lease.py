"""The Lease of a service, which one command on its releases holds at a time, as the gates of an update read it."""

from datetime import datetime, timedelta

from switchyard.config.kubernetes import COORDINATION
from switchyard.kube.api import BoundedApi
from switchyard.kube.clock import ServerClock, from_text
from switchyard.manifests.labels import record_name

DURATION_SECONDS = 15
"""Seconds for which a Lease is valid without a renewal. Three renewals may be lost."""


def is_renewed(renewed: datetime, duration: timedelta, now: datetime) -> bool:
    """Whether the holder of a Lease may still be running, by a renewal that was seen.

    Args:
        renewed: time of the renewal.
        duration: time for which the Lease is valid without a renewal.
        now: present time.
    """
    # A second more, as the API server tells its time in whole seconds.
    return now - renewed <= duration + timedelta(seconds=1)


async def holder_of(api: BoundedApi, namespace: str, service: str) -> str | None:
    """Identity of the running command that holds the Lease of a service; None without one.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
    """
    lease = await api.find("leases", record_name(service), namespace, COORDINATION)
    spec = (lease or {}).get("spec") or {}
    if not spec.get("holderIdentity") or not spec.get("renewTime"):
        return None
    duration = timedelta(seconds=spec.get("leaseDurationSeconds") or DURATION_SECONDS)
    is_running = is_renewed(from_text(spec["renewTime"]), duration, (await ServerClock.ask(api)).now())
    return str(spec["holderIdentity"]) if is_running else None
