"""Ends detached commands before `abort` reverts their releases."""

from collections.abc import Callable, Mapping

from switchyard.release.deploy.journal import LeasedDeployJournal
from switchyard.release.record.detached_holder import interrupt

INTERRUPT_SECONDS = 120.0
"""Seconds for which an abort waits until an interrupted command has ended its engine in order."""


async def end_detached(journals: Mapping[str, LeasedDeployJournal], warn: Callable[[str], None]) -> None:
    """Interrupts the detached commands that hold Leases, and waits for those that are changing pods.

    Other commands lose their Lease at once. A command that holds the Leases of several services is interrupted once:
    a second time would end the engine in the middle of an update.

    Args:
        journals: journals of the services, by the keys of the services.
        warn: reports which commands are interrupted.
    """
    holders = {key: await journal.holder() for key, journal in journals.items()}
    interrupted = set[tuple[str, int]]()
    for key, held in holders.items():
        if held is None or (held.host, held.process) in interrupted or not interrupt(held):
            continue
        interrupted.add((held.host, held.process))
        warn(f"{key}: interrupts {held.described(journals[key].now())}")
    for key, held in holders.items():
        if held is not None and (held.host, held.process) in interrupted and not held.may_be_interrupted:
            await journals[key].wait_for_end(held, INTERRUPT_SECONDS)
