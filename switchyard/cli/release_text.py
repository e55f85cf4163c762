"""Describes the latest release of a service: its kind, its state and the next command."""

from switchyard.config.commands import typed
from switchyard.kube.clock import to_text
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.latest import LatestRelease
from switchyard.release.record.lease_holder import Held
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.text import again, finishing


def release_line(key: str, release: LatestRelease) -> str:
    """The latest release of a service, in one line.

    Args:
        key: key of the service in the configuration.
        release: latest release of the service.
    """
    record = release.record
    tag = f" ({record.tag})" if record.tag else ""
    who = f"{record.actor}@{record.host}"
    act = f"{key}: {record.kind} {record.source} -> {record.target}{tag}"
    if record.running:
        situation = f"runs, in phase {record.phase}, since {record.started}, by {who}; {_condition(release)}"
    else:
        situation = f"{_RESULTS[record.result]} at {record.ended}, by {who}"
    step = _next_step(key, release)
    return f"{act} {situation}." + (f" {step}" if step else "")


def doubt_line(key: str, release: LatestRelease) -> str | None:
    """The line about a switch in doubt, or one that could not be checked; None otherwise.

    Args:
        key: key of the service in the configuration.
        release: latest release of the service.
    """
    record = release.record
    why = release.doubt or release.not_seen
    if why is None:
        return None
    begun = (record.receipt or {}).get("started") or record.started
    state = "is in doubt" if release.doubt else "was not confirmed"
    return f"{key}: its {_change(record)} at {begun} {state}: {why.removeprefix(f'{key}: ')}"


_RESULTS = {
    Result.SUCCEEDED: "succeeded",
    Result.REFUSED: "was refused",
    Result.ROLLED_BACK: "was rolled back",
    Result.FAILED: "failed",
}


def _change(record: ReleaseRecord) -> str:
    """The name of the change that last changed the selector."""
    if record.kind == Act.DRILL:
        return "drill"
    went_back = record.kind == Act.ROLLBACK or record.result is Result.ROLLED_BACK
    return "rollback" if went_back else "switch"


def _condition(release: LatestRelease) -> str:
    if release.record.held:
        return "held, it waits for an operator"
    if release.attended is None and release.holder is not None:
        renewed = to_text(release.holder.renewed)
        return f"whether its command is running is not known, as its Lease has a time in the future ({renewed})"
    if release.attended is None:
        return "whether its command is running is not known, as this user may not list leases"
    if release.attended:
        return "its command is running" + (f" ({_holder(release.holder)})" if release.holder else "")
    if release.record.phase is Phase.BAKE:
        return "no command needs to run while it bakes"
    return "its command has ended (the Lease has expired)"


def _holder(held: Held) -> str:
    """The process and the machine of the command that runs a release."""
    return f"process {held.process} on {held.host}" + (", detached" if held.detached else "")


def _next_step(key: str, release: LatestRelease) -> str:
    record = release.record
    if record.running:
        return _while_running(key, release)
    if release.is_superseded:
        return f"A later change, for example by an update, has switched to {release.serving}."
    if record.result is Result.ROLLED_BACK:
        return _return(key, record.target, record.tag)
    if record.kind == "rollback" and record.result is Result.SUCCEEDED:
        return _return(key, record.source, record.from_tag)
    if record.result in {Result.FAILED, Result.REFUSED}:
        see = f"See: {typed(f'switchyard history {key}')}"
        return f"Why: {record.detail} {see}" if record.detail else see
    return ""


def _while_running(key: str, release: LatestRelease) -> str:
    record = release.record
    if not record.held and release.attended is not False:
        return ""
    if release.is_abandoned:
        serving = str(release.serving)
        next_steps = finishing(record, serving, release.beneath)
        return f"It has not changed the selector, and {serving} serves. Next: {next_steps}"
    if record.kind != "deploy":
        return f"Next: {again(record)} (continues)"
    if record.phase is Phase.BAKE and not record.held:
        retire, due = typed(f"switchyard retire {key}"), typed("switchyard retire --due --yes")
        services = f"{' '.join(record.together)} --together" if record.together else key
        back = typed(f"switchyard rollback {services}")
        return f"Next: {retire} (now), or {due} (from a schedule). To go back: {back}"
    resume, abort = typed(f"switchyard resume {key}"), typed(f"switchyard abort {key}")
    if record.irreversible is not None:  # after which an abort is refused
        return f"Next: {resume} (continues)"
    if record.has_failed_watch:  # which a resume reverts as well
        return f"Next: {abort} (reverts it)"
    return f"Next: {resume} (continues), or {abort} (reverts it)"


def _return(key: str, colour: str, tag: str | None) -> str:
    version = f"{tag} in {colour}" if tag else colour
    return f"No update brings {version} back. To switch to it on purpose: {typed(f'switchyard switch {key} {colour}')}"
