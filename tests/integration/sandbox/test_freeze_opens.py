"""A freeze window that opens while a release waits for an approval."""

import asyncio
import time
from datetime import datetime, timedelta

from devtools.engine import NAME
from switchyard.kube.access import ClusterAccess
from switchyard.kube.clock import to_text
from tests.support.commands import document, read_back, run_command
from tests.support.hook_server import hook_server
from tests.support.kubectl import Kubectl
from tests.support.shared import Shared

SECONDS = 45
"""Seconds until the window opens, within which the command has checked that none is open."""


def time_of(kubectl: Kubectl) -> datetime:
    """The time by the API server's clock."""

    async def date() -> datetime:
        return await (await ClusterAccess(str(kubectl.kubeconfig)).api()).date()

    return asyncio.run(date())


def test_an_approval_after_the_window_has_opened_switches_nothing(of_module: Shared) -> None:
    stack, kubectl = of_module.stack, of_module.kubectl
    opens = time_of(kubectl) + timedelta(seconds=SECONDS)
    answered: list[datetime] = []

    def approved() -> None:
        while (now := time_of(kubectl)) < opens:  # a clock cannot be watched
            time.sleep((opens - now).total_seconds())
        answered.append(now)

    with hook_server() as server:
        server.before_answer = approved
        hooks = {"beforeSwitch": [{"name": "approve", "http": {"url": server.url}}]}
        release = {"watch": {"seconds": 0}, "drain": {"method": "none"}, "hooks": hooks}
        stack.set("services.backend.release", release)
        window = {"reason": "weekend", "by": "ada", "from": to_text(opens), "until": "2090-01-01T00:00:00Z"}
        stack.set("releases", {"freeze": [window]})
        record = document(run_command(stack, "deploy", "backend", "v2.0.0", "--yes", "--json"), 1)
        read_back(stack)
        assert [hook["outcome"] for hook in record["hooks"]] == ["passed"]
        assert answered[0] >= opens
        assert (record["result"], record["phase"], kubectl.serving()) == ("refused", "switch", "blue")
        assert "a window that has opened during the release: weekend (by ada)" in record["detail"]
        assert f'switchyard deploy backend v2.0.0 --stack {NAME} --override "REASON"' in record["detail"]

        record = document(run_command(stack, "deploy", "backend", "v2.0.0", "--yes", "--json", "--override", "fix"), 0)
        read_back(stack)
        assert kubectl.serving() == "green"
        assert "fix (in the freeze: weekend (by ada)" in record["override"]
