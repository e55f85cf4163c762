"""Ends commands that go on without a terminal, before their releases are taken back."""

from collections.abc import Callable, Mapping

from switchyard.release.deploy_ledger import DeployLedger
from switchyard.release.detached_holder import interrupt

INTERRUPT_SECONDS = 120.0
"""How long an abort waits for the end of a detached command that it has interrupted: the engine ends in order."""


async def end_detached(ledgers: Mapping[str, DeployLedger], warn: Callable[[str], None]) -> None:
    """Ends the detached commands that hold Leases, and waits for those that change pods at present.

    One that does not loses its Lease at once. A command that holds the Leases of several services is interrupted once:
    a second time would end the engine in the middle of an update.

    Args:
        ledgers: of the services, by their keys.
        warn: reports whom it interrupts.
    """
    holders = {key: await ledger.holder() for key, ledger in ledgers.items()}
    interrupted = set[tuple[str, int]]()
    for key, held in holders.items():
        if held is None or (held.host, held.process) in interrupted or not interrupt(held):
            continue
        interrupted.add((held.host, held.process))
        warn(f"{key}: interrupts {held.described(ledgers[key].now())}")
    for key, held in holders.items():
        if held is not None and (held.host, held.process) in interrupted and not held.may_be_interrupted:
            await ledgers[key].wait_for_end(held, INTERRUPT_SECONDS)
