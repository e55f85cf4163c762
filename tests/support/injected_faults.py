"""What runs in a command before it begins, and replaces a part of it: see `tests.support.commands.with_a_fault`."""

WHILE_WARMING = """
import switchyard.release.engine.engine as engines
def killed(engine, *_):
    engine._start("up", "--yes", "--skip-preview", "--non-interactive")
    os.kill(os.getpid(), signal.SIGKILL)
engines.Engine.up = killed
"""
"""The command is killed while the engine creates pods, and the engine continues without it."""

BEFORE_RETIREMENT = """
preview = acts.preview_change
def killed(engine, change, *arguments):
    preview(engine, change, *arguments)
    if change.values == {"replicas": 0}:
        os.kill(os.getpid(), signal.SIGKILL)
acts.preview_change = killed
"""
"""The command is killed when the old colour has no pods in the configuration any more, and still has them all."""

CONDEMNED = """
from switchyard.release.watch.verdict import Outcome, Verdict
async def condemned(*_, **__):
    return Verdict(Outcome.BREACH, "The new version is worse than accepted.")
steps.watch = condemned
"""
"""The watch condemns the version, which simulated nodes cannot show it."""

REAL_NODES = """
import switchyard.release.deploy.watch_readiness as readiness
async def none_simulated(*_):
    return frozenset()
readiness.simulated_nodes = none_simulated
"""
"""The nodes count as real, whose pods the API server is asked for."""

AFTER_CALL = """
import switchyard.release.hooks.calls as calls
send = calls._Call.send
async def killed(self, client, headers, body):
    await send(self, client, headers, body)
    if body["hook"] == "purge":
        os.kill(os.getpid(), signal.SIGKILL)
calls._Call.send = killed
"""
"""The command is killed in the moment after a hook's call was answered, before it can write so."""

AFTER_DRAIN = """
import asyncio, urllib.request
drain = steps.ClusterSteps.drain
async def drained(self, record):
    ended = await drain(self, record)
    if record.service == "backend":
        await asyncio.to_thread(urllib.request.urlopen, os.environ["DRAINED"])
    return ended
steps.ClusterSteps.drain = drained
"""
"""The command calls the address of `DRAINED` between the phases drain and watch of service `backend`."""
