"""The request of `deploy`, `resume`, `abort` or `retire`, and its start before the libraries are imported."""

# ruff: noqa: PLC0415

from dataclasses import dataclass, replace
from typing import NoReturn

from switchyard.cli.detachment import settle
from switchyard.cli.failures import errors_end_the_command
from switchyard.cli.release_request import can_ask, reading_state
from switchyard.config.commands import options, stack_option
from switchyard.release.plan import Act


@dataclass(frozen=True)
class DeployRequest:
    """The arguments and options of `deploy`, `resume`, `abort` or `retire`.

    Attributes:
        act: deploy, resume, abort or retire.
        service: key of the service.
        tag: the version; only for deploy.
        reason: the operator's reason, for the record.
        hold_after: the phase after which the release waits for an operator.
        stack: name of the stack; None for the selected one.
        wait: whether to wait for another command on the service, without a time limit.
        detach: whether the command continues in a background process.
        yes: whether the command is confirmed in advance.
        as_json: whether the output is one JSON document.
        override: the operator's reason to override a freeze; None without one.
        hotfix: whether it is an unplanned repair, which continues even if its metrics cannot be read.
        together: services that are deployed by one command, each as SERVICE=TAG; empty for a single service.
    """

    act: Act
    service: str
    tag: str = ""
    reason: str | None = None
    hold_after: str | None = None
    stack: str | None = None
    wait: bool = False
    detach: bool = False
    yes: bool = False
    as_json: bool = False
    override: str | None = None
    hotfix: bool = False
    together: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the named services, in order."""
        return tuple(sorted(self.tags)) if self.together else (self.service,)

    @property
    def tags(self) -> dict[str, str]:
        """The version of each service of a deploy of several."""
        return {name: tag for name, _, tag in (word.partition("=") for word in self.together)}

    @property
    def typed(self) -> str:
        """The command line, for the same stack, without its other options."""
        named = (*self.together, "--together") if self.together else (self.service, self.tag)
        words = " ".join(word for word in ("switchyard", self.act.value, *named) if word)
        return words + stack_option(self.stack)

    @property
    def overridable(self) -> str:
        """The command line with its options, for a message that proposes the same command with `--override`."""
        texts = options(reason=self.reason, hold_after=self.hold_after)
        return f"{self.typed}{texts}{options(hotfix=self.hotfix, wait=self.wait, detach=self.detach)}"

    @property
    def confirmed(self) -> str:
        """The command line with its options and `--yes`, for a message that asks for confirmation."""
        texts = options(reason=self.reason, override=self.override, hold_after=self.hold_after)
        return f"{self.typed}{texts}{options(hotfix=self.hotfix, wait=self.wait, detach=self.detach)} --yes"

    def confirmed_arguments(self, stack: str) -> list[str]:
        """The arguments of the same command with `--yes`, for the background process.

        Args:
            stack: name of the stack.
        """
        values = {
            "--reason": self.reason,
            "--override": self.override,
            "--hold-after": self.hold_after,
            "--stack": stack,
        }
        texts = [f"{option}={value}" for option, value in values.items() if value is not None]
        flags = ["--yes", *(["--wait"] if self.wait else []), *(["--hotfix"] if self.hotfix else [])]
        if self.together:
            return [self.act.value, *texts, *flags, "--together", "--", *self.together]
        return [self.act.value, *texts, *flags, "--", self.service, *([self.tag] if self.tag else [])]


def begin(request: DeployRequest) -> None:
    """Runs a command. The state is read by the engine while the libraries of the command are still imported."""
    with errors_end_the_command(request.stack, as_json=request.as_json):
        _check(request)
        settle()
        with reading_state(request.stack, needed=request.act is not Act.ABORT) as answer:
            try:
                from switchyard.cli.deploy_command import run

                run(request, answer)
            except KeyboardInterrupt:
                _end_interrupted(request)


def several(request: DeployRequest, words: tuple[str, ...], *, together: bool) -> DeployRequest:
    """The request for several services. Refuses arguments that name neither one service nor several with tags.

    Args:
        request: what the operator has typed.
        words: the arguments.
        together: whether --together is given.
    """
    from switchyard.errors import UsageError
    from switchyard.release.deploy.group_refusals import refuse_pairs

    with errors_end_the_command(request.stack, as_json=request.as_json):
        if (refusal := refuse_pairs(words, together=together)) is not None:
            raise UsageError(str(refusal))
    return replace(request, service="", tag="", together=words)


def begin_due(
    stack: str | None, service: str | None, override: str | None, *, wait: bool, yes: bool, as_json: bool
) -> None:
    """Retires every service whose bake is over, one after the other. Refuses arguments for one service."""
    with errors_end_the_command(stack, as_json=as_json):
        if service is not None or override is not None:
            _refuse_one(service, override)
        if not yes:
            _check(DeployRequest(Act.RETIRE, "--due", stack=stack, as_json=as_json))
        with reading_state(stack) as answer:
            request = DeployRequest(Act.RETIRE, "", stack=stack, wait=wait, yes=yes, as_json=as_json)
            try:
                from switchyard.cli.deploy_command import run_due

                run_due(request, answer)
            except KeyboardInterrupt:
                _end_interrupted_due(request)


def _check(request: DeployRequest) -> None:
    """Refuses impossible arguments and a missing confirmation, before anything is read."""
    from switchyard.errors import UsageError
    from switchyard.release.deploy.refusals import refuse_impossible_tag
    from switchyard.release.refusals import refuse_unconfirmed

    for service, tag in (request.tags or {request.service: request.tag}).items():
        if request.act is Act.DEPLOY and (refusal := refuse_impossible_tag(service, tag)) is not None:
            raise UsageError(str(refusal))
    if not any(request.keys):
        raise UsageError("Name a service, or use --due for all services whose bake is over. Nothing was changed.")
    if not request.yes and not can_ask(as_json=request.as_json):
        step = f"{', '.join(request.keys)}: this command"
        raise UsageError(str(refuse_unconfirmed(step, request.confirmed)))


def _refuse_one(service: str | None, override: str | None) -> NoReturn:
    """Refuses `--due` together with arguments for one service."""
    import shlex

    from switchyard.config.commands import typed
    from switchyard.errors import UsageError

    option = f" --override {shlex.quote(override)}" if override else ""
    retire = typed(f"switchyard retire {service or 'SERVICE'}{option}")
    raise UsageError(
        "--due retires every service whose release has baked long enough, and takes neither a service nor --override. "
        f"Nothing was changed. One service now: {retire}. All that are due: {typed('switchyard retire --due')}"
    )


def _end_interrupted(request: DeployRequest) -> NoReturn:
    from switchyard.cli.interruption import end_interrupted
    from switchyard.config.commands import typed

    key = request.keys[0]
    abort = f"switchyard abort {key}{options(reason=request.reason if request.act is Act.ABORT else None)}"
    remedy = (
        f"Phase of the release: {typed('switchyard status')}; {typed(f'switchyard history {key}')}\n"
        f"To continue: {typed(f'switchyard resume {key}')}. To revert it: {typed(abort)}"
    )
    end_interrupted(remedy, request.keys, request.stack, as_json=request.as_json)


def _end_interrupted_due(request: DeployRequest) -> NoReturn:
    from switchyard.cli.interruption import end
    from switchyard.config.commands import typed

    text = (
        "What serves continues to serve, and some releases may be retired already: "
        f"{typed('switchyard status')}. To continue: {typed('switchyard retire --due')}"
    )
    end(text, as_json=request.as_json)
