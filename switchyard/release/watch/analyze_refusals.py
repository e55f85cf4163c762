"""Refusals of `switchyard analyze`. Pure functions."""

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.gates.rules.refusal import Refusal


def refuse_option(key: str, strategy: str, option: str) -> Refusal:
    """Refuses an option of `switchyard analyze` that does not apply to the strategy of the service."""
    return Refusal(
        code=Code.ANALYZE_MISUSED,
        step=f"{key}: the analysis",
        observed=f"{option} was given, and the strategy of the service is {strategy}",
        rule="--seconds is for blueGreen, which is watched for a while; --hash is for a canary, whose queries are of "
        "the pods of one template",
        remedy=f"Without it: {typed(f'switchyard analyze {key}')}",
    )
