"""A simulation of Pulumi's engine inside the process of a command, for more releases than the engine has time for.

It understands the command lines that `switchyard.release.engine.engine.Engine` runs. The configuration is the stack
file, the state is a file beside it, and an update writes the rendered manifests to the API server itself, in the order
of the component `BlueGreenService` and behind its gates, which are the real ones. It is not the engine: there is no
program, no provider, no lock and no outputs, and it dies together with the command.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import yaml

from switchyard.config.loader import NAMESPACE, load
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.config.stack_values import read_project
from switchyard.errors import ClusterError, EngineError, GateRefusedError
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.manifests.blue_green import deployment
from switchyard.manifests.inventory import objects_of
from switchyard.manifests.labels import colour_name
from switchyard.manifests.ownership_marks import Mark, marked
from switchyard.manifests.pods import Manifest
from switchyard.release.engine.engine import EngineCommand
from switchyard.release.switch.selector import apply

STATE = "state.json"

COMPONENT = "switchyard:service:BlueGreenService"

Around = Callable[[str], AbstractContextManager[None]]
"""Runs code before and after a write, whose name it gets."""


class EndedCommand(EngineCommand):
    """The answer of a command that has already ended.

    Args:
        output: what the command has printed.
    """

    def __init__(self, output: str) -> None:
        self._said = output

    def wait(self, seconds: float | None = None) -> str:  # noqa: ARG002 - it need not wait
        return self._said

    def end(self) -> None:
        pass

    def close(self) -> None:
        pass


class SimulatedEngine:
    """The engine on the one stack of a directory, whose services are all of strategy `blueGreen`.

    Args:
        directory: directory of the project.
        stack: name of the stack.
        around: surrounds each write of the state.
    """

    def __init__(self, directory: Path, stack: str, around: Around = lambda _: nullcontext()) -> None:
        self._stack = stack
        self._file = directory / f"Pulumi.{stack}.yaml"
        self._state = directory / STATE
        self._around = around
        project = read_project(directory)
        assert project is not None
        self._mark = Mark(project.name, stack)

    def start(self, *arguments: str) -> EngineCommand:
        """Runs a command to its end, in place of `Engine._start`."""
        match arguments:
            case ("config", "--json"):
                entries = {key: {"objectValue": value} for key, value in self._config().items()}
                return EndedCommand(json.dumps(entries))
            case ("config", "set-all", "--path", *words, "--config-file", file):
                pairs = (word.partition("=") for word in words if word != "--plaintext")
                return self._change({path: yaml.safe_load(text) for path, _, text in pairs}, Path(file))
            case ("config", "rm", "--path", path, "--config-file", file):
                return self._change({path: None}, Path(file))
            case ("stack", "output", *_):
                return EndedCommand("{}")
            case ("preview", "--json", *_):
                steps = asyncio.run(self._update(preview=True))
                return EndedCommand(json.dumps({"steps": [{"urn": urn, "op": "update"} for urn in steps]}))
            case ("refresh", *words):
                return asyncio.run(self._refresh([word.rpartition("::")[2] for word in words if "::" in word]))
            case ("up", *_):
                asyncio.run(self._update(preview=False))
                return EndedCommand("")
        raise NotImplementedError(arguments)

    def planned(self) -> list[str]:
        """Names of the objects that an update would change, without the gates."""
        state = self._read_state()
        return [
            str(manifest["metadata"]["name"])
            for _, service, key in self._services()
            for manifest in self._objects(key, service)
            if state.get(_name(manifest)) != manifest
        ]

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load(self._file.read_text())["config"]
        return config

    def _change(self, values: Mapping[str, object], file: Path) -> EngineCommand:
        document = yaml.safe_load(file.read_text())
        for path, value in values.items():
            *above, last = path.split(".")
            node = document["config"]
            for key in above:
                node = node.setdefault(key, {})
            if value is None:
                node.pop(last, None)
            else:
                node[last] = value
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        return EndedCommand("")

    def _read_state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._state.read_text()) if self._state.exists() else {}
        return state

    def _write_state(self, manifest: Manifest) -> None:
        copy = self._state.with_suffix(".new")
        copy.write_text(json.dumps({**self._read_state(), _name(manifest): manifest}))
        with self._around("state"):
            copy.replace(self._state)

    def _services(self) -> Iterator[tuple[ClusterAccess, BlueGreenSettings, str]]:
        config = self._config()
        settings = load(config[f"{NAMESPACE}:cluster"], config[f"{NAMESPACE}:services"], self._stack)
        access = ClusterAccess(config[f"{NAMESPACE}:cluster"]["kubeconfig"])
        for key, service in settings.services.items():
            assert isinstance(service, BlueGreenSettings)
            yield access, service, key

    def _objects(self, key: str, service: BlueGreenSettings) -> Iterator[Manifest]:
        """The objects in the order of an update: the active Deployment, then the Service, then the idle Deployment."""
        last = [("Service", key), ("Deployment", colour_name(key, service.active.other))]
        manifests = {
            (manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in objects_of(key, service)
        }
        for name in [*(name for name in manifests if name not in last), *last]:
            yield marked(manifests[name], self._mark)

    async def _update(self, *, preview: bool) -> list[str]:
        """Updates all objects that the state has not. Returns the URNs of those that it changes, or would change."""
        steps = []
        for access, service, key in self._services():
            gates = BlueGreenGates(service.named(key), service, access, lambda _: None)
            for manifest in self._objects(key, service):
                before = self._read_state().get(_name(manifest))
                if before == manifest:
                    continue
                steps.append(_urn(self._stack, manifest))
                try:
                    await self._pass_gate(gates, key, service, manifest, creating=before is None, preview=preview)
                    if not preview:
                        await self._apply(access, manifest)
                except (ClusterError, GateRefusedError) as error:
                    raise EngineError(str(error)) from None
            report = await gates.inspect()
            if report.problem is not None and not preview:
                raise EngineError(report.problem)
        return steps

    async def _pass_gate(
        self,
        gates: BlueGreenGates,
        key: str,
        service: BlueGreenSettings,
        manifest: Manifest,
        *,
        creating: bool,
        preview: bool,
    ) -> None:
        name = manifest["metadata"]["name"]
        if (manifest["kind"], name) == ("Service", key):
            await gates.before_switch(creating=creating, preview=preview)
        elif manifest["kind"] == "Deployment":
            colour = next(colour for colour in Colour if colour_name(key, colour) == name)
            await gates.before_pods_change(colour, deployment(key, colour, service), preview=preview)

    async def _apply(self, access: ClusterAccess, manifest: Manifest) -> None:
        cluster = await Cluster.connect(access)
        await apply(cluster.api, f"{manifest['kind'].lower()}s", manifest)
        self._write_state(manifest)

    async def _refresh(self, names: list[str]) -> EngineCommand:
        """Reads the selectors of Services into the state."""
        for access, service, key in self._services():
            known = self._read_state().get(f"Service/{key}")
            if key in names and known is not None:
                cluster = await Cluster.connect(access)
                selected = await cluster.service_selector(service.namespace, key)
                self._write_state({**known, "spec": {**known["spec"], "selector": selected}})
        return EndedCommand("")


def _name(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _urn(stack: str, manifest: Manifest) -> str:
    version = manifest["apiVersion"] if "/" in manifest["apiVersion"] else f"core/{manifest['apiVersion']}"
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    return f"urn:pulumi:{stack}::switchyard::{COMPONENT}$kubernetes:{version}:{kind}::{name}"
