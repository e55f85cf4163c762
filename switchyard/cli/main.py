"""The command line.

Exit codes: 0 all is well, 1 something is not (a service does not serve what is configured, an analysis would not
succeed) or the cluster or Prometheus cannot be asked, 2 bad usage or configuration.
"""

# What the commands do is imported when one runs: the help of each needs none of it.
# ruff: noqa: PLC0415

from typing import Annotated

import typer

app = typer.Typer(
    help="Releases on a stack: what is configured, and what serves.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: frames around it would take twice the time of everything else
)


def _url(text: str | None) -> str | None:
    from switchyard.cli.commands import taken_as
    from switchyard.config.types.text import Url

    return taken_as(Url, text)


def _pod_hash(text: str | None) -> str | None:
    from switchyard.cli.commands import PodHash, taken_as

    return taken_as(PodHash, text)


Json = Annotated[
    bool, typer.Option("--json", help="Prints one JSON document instead, on standard output, errors included.")
]

Stack = Annotated[str | None, typer.Option("--stack", "-s", help="The stack; without it, the selected one.")]


@app.command(short_help="Shows what is configured and what serves.")
def status(stack: Stack = None, *, as_json: Json = False) -> None:
    """Shows for each service what is configured, what serves, what its pods run, and how many are ready."""
    from switchyard.cli.commands import show_status

    show_status(stack, as_json=as_json)


@app.command(short_help="Judges a canary's version as its analysis would now.")
def analyze(
    service: Annotated[str, typer.Argument(help="The service, which must be under a canary.")],
    stack: Stack = None,
    prometheus: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            callback=_url,
            help="Where this machine reaches Prometheus; without it, the address that the controller has.",
        ),
    ] = None,
    pod_hash: Annotated[
        str | None,
        typer.Option(
            "--hash",
            metavar="POD_HASH",
            callback=_pod_hash,
            help="Judges these pods alone; without it, the new version, and the stable one beside it.",
        ),
    ] = None,
) -> None:
    """Dry run of a canary's analysis: asks Prometheus once, now, and shows what each measurement would be judged."""
    from switchyard.cli.commands import show_analysis

    show_analysis(service, stack, prometheus, pod_hash)
