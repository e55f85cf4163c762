"""Reports weights of a load balancer that were not written with the selector. Pure functions."""

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import notice
from switchyard.release.plan import Act, Plan
from switchyard.release.refusals import command


def report_weights_not_written(plan: Plan, why: str, *, reverted: bool | None) -> str:
    """Reports that the Service was changed and that an Ingress was not, with what serves now.

    Args:
        plan: what was to serve.
        why: why the Ingress was not changed.
        reverted: whether the Service and the load balancer are as before; None if the answer about that was lost.
    """
    name, target, old = plan.observation.name, plan.target, plan.target.other
    what_serves = f"Service {name} selects {target}; the load balancer may still send to {old}."
    if reverted:
        what_serves = f"Service {name} selects {old} again, as before, and so does the load balancer."
    elif reverted is None:
        what_serves = (
            f"The load balancer sends to {old}, as before. Whether Service {name} selects {old} again or still "
            f"{target} is not known; what serves: {typed('switchyard status')}."
        )
    act = Act.ROLLBACK if plan.act is Act.ROLLBACK else Act.SWITCH
    again = command(act, name, None if act is Act.ROLLBACK else target)
    if plan.act in {Act.DEPLOY, Act.SWITCH} and not reverted:
        again = f"{again}; of a deploy: {typed(f'switchyard resume {key_of(name)}')}"
    return notice(
        Code.WEIGHTS_NOT_WRITTEN,
        key_of(name),
        f"its Ingress was not given the weights of {target}: {why.strip().removesuffix('.')}",
        f"{what_serves} When the cause is removed: {again}",
    )
