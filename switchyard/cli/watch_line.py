"""Shows the present verdicts of watches in one line on a terminal, which each new reading overwrites."""

from collections.abc import Mapping

from switchyard.cli.output import console, on_terminal
from switchyard.release.watch.verdict import Verdict

START = "  watch     "


class WatchLine:
    """The line on the terminal. It is cleared before anything else is printed, and the next reading shows it again."""

    def __init__(self) -> None:
        self._verdicts: dict[str, Verdict] = {}
        self._is_shown = False

    def show(self, key: str, verdict: Verdict) -> None:
        """Shows the present verdict about a service, beside those about the others.

        Args:
            key: key of the service.
            verdict: verdict if the watch ended now.
        """
        if not on_terminal(console):
            return
        self._verdicts[key] = verdict
        width = console.width - 1  # a full line would continue in the next one
        console.print(line(self._verdicts, width).ljust(width), markup=False, end="\r")
        self._is_shown = True

    def end(self, key: str) -> None:
        """Leaves out a service whose watch has ended."""
        self._verdicts.pop(key, None)

    def clear(self) -> None:
        """Clears the line before something else is printed."""
        if self._is_shown:
            console.print(" " * (console.width - 1), end="\r")
        self._is_shown = False


def line(verdicts: Mapping[str, Verdict], width: int) -> str:
    """The present verdicts in one line, in as much detail as fits.

    Args:
        verdicts: verdicts if the watch ended now, by the key of the service.
        width: width of the terminal in columns.
    """
    ordered = sorted(verdicts.items())
    forms = (
        "; ".join(f"{key} {_seconds(each)}, {each.requests} requests, {each.failed} failed" for key, each in ordered),
        "; ".join(f"{key} {_seconds(each)} {each.failed}/{each.requests} failed" for key, each in ordered),
        _sum(verdicts),
    )
    fitting = next((form for form in forms if len(START) + len(form) <= width), forms[-1])
    return f"{START}{fitting}"[:width]


def _sum(verdicts: Mapping[str, Verdict]) -> str:
    if len(verdicts) == 1:
        [verdict] = verdicts.values()
        return f"{_seconds(verdict)} {verdict.failed}/{verdict.requests} failed"
    failed, requests = (sum(getattr(each, name) for each in verdicts.values()) for name in ("failed", "requests"))
    return f"{len(verdicts)} services, {requests} requests, {failed} failed"


def _seconds(verdict: Verdict) -> str:
    return f"{verdict.seconds:.0f} s"
