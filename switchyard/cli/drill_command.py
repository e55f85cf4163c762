"""`switchyard drill` from the settings to the exit code."""

import asyncio

import typer

from switchyard.cli.configuration import access_to, read_settings_at_once
from switchyard.cli.drill_request import DrillRequest
from switchyard.cli.drill_text import DrillReport
from switchyard.cli.fast_lane import STATE_SECONDS, service_of
from switchyard.cli.release_cluster import check_cluster, observe_service
from switchyard.config.loader import StackSettings
from switchyard.config.models.service import BlueGreenSettings
from switchyard.errors import ExitCode
from switchyard.gates.weighted_routing import switching_load_balancer
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.release.drill.drill import Drill
from switchyard.release.drill.journal import DrillJournal
from switchyard.release.engine.engine import Engine, EngineCommand
from switchyard.release.freeze import pass_freeze
from switchyard.release.plan import Act, Observation
from switchyard.release.switch.warming import warm


def run(request: DrillRequest, state: EngineCommand) -> None:
    """Runs a drill from its settings to its exit code.

    Args:
        request: what the operator has typed.
        state: the engine, which reads the outputs of the stack.
    """
    stack, settings = read_settings_at_once(request.stack)
    service = service_of(request.service, Act.DRILL, stack, settings)
    code = asyncio.run(_drilled(request, stack, service, settings, access_to(stack, settings), state))
    if code:
        raise typer.Exit(code)


async def _drilled(
    request: DrillRequest,
    stack: str,
    service: BlueGreenSettings,
    settings: StackSettings,
    access: ClusterAccess,
    state: EngineCommand,
) -> ExitCode:
    report, name = DrillReport(request, stack, access.described), service.named(request.service)
    cluster = await Cluster.connect(access)
    journal = DrillJournal(cluster.api, service.namespace, name, report.warn, wait=request.wait)
    await journal.wait_until_free()
    if journal.waited:  # the other command may have changed the configuration
        _, settings = await asyncio.to_thread(read_settings_at_once, request.stack)
        service = service_of(request.service, Act.DRILL, stack, settings)
    routing = switching_load_balancer(settings.cluster, request.service, service)

    async def observe() -> Observation:
        return await observe_service(cluster, access, stack, name, service, routing)

    observation = await observe()
    await check_cluster(cluster, access, stack, state, STATE_SECONDS[Act.DRILL], report.state_unreachable)
    engine = Engine(stack)
    drill = Drill(access, cluster, journal, observe, lambda plan: warm(engine, plan, report.warn), report.warn)
    plan = await drill.plan(observation, await journal.read())

    async def permitted() -> None:
        if plan.unfinished is None:  # an interrupted drill switches back
            await pass_freeze(cluster.api, settings.releases.freeze, request.service, "the drill", None)

    await permitted()
    if not request.yes:
        if not report.confirmed(plan):
            return ExitCode.FAILED
        await permitted()  # a window may have opened while the operator was asked
    return report.end(plan, await drill.run(plan, request.reason))
