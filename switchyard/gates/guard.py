"""The guard of one run: it checks every object before it is written, and before the engine drops its record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from switchyard.config.models.service_name import key_of
from switchyard.errors import AccessDeniedError, ClusterError, GateRefusedError, UnreachableError
from switchyard.gates.adoption import adoption_warnings
from switchyard.gates.base import raise_refusal
from switchyard.gates.removal import annotate, check_namespace, delete
from switchyard.gates.rules.deletion import (
    Action,
    Run,
    decide,
    refuse_deletion_by_name,
    refuse_production_destroy,
    refuse_serving,
    refuse_unreachable,
    warn_deleted_with_machines,
)
from switchyard.gates.rules.ownership import (
    Conflict,
    Owner,
    conflict,
    refuse_missing,
    refuse_takeover,
    refuse_unknown_owner,
    takes_over,
)
from switchyard.gates.rules.single_resources import refuse_partial_destroy
from switchyard.gates.service_entry import ServiceEntry
from switchyard.kube.access import ClusterAccess
from switchyard.kube.api import BoundedApi
from switchyard.kube.cluster import Cluster
from switchyard.kube.mark_owner import is_own
from switchyard.kube.namespace import read_namespace, reason_to_keep
from switchyard.kube.object_names import ObjectName
from switchyard.kube.presence import drift_of
from switchyard.kube.records import Record
from switchyard.kube.serving import service_serves
from switchyard.manifests.ownership_marks import ADOPTED, IDENTITY, PROJECT, STACK, Mark, is_adopted, mark_of

Say = Callable[[str], None]


@dataclass
class Guard:
    """Checks every write and every deletion of one run of the program.

    Attributes:
        mark: the mark of this stack.
        former: the mark of the stack that this stack took over from; None for none.
        production: whether the stack is marked production.
        own_machines: whether a destroy of the stack deletes the machines of the cluster.
        services: the services of the configuration, by namespace and name.
        removed: namespace and name of the services that are marked to be removed.
        destroy_asked: whether the engine was started to destroy the stack. It is known before the first hook runs.
            That hook may never run: the engine skips a component that depends on an object that was never created.
        say: prints a line for the engineer.
        warn: reports a warning to the engineer.
        releases: namespace and name of the Helm releases of the configuration.
    """

    mark: Mark
    former: Mark | None
    production: bool
    own_machines: bool
    services: Mapping[tuple[str, str], ServiceEntry]
    removed: frozenset[tuple[str, str]]
    destroy_asked: bool
    say: Say
    warn: Say
    cluster_entry: ServiceEntry = field(default_factory=lambda: ServiceEntry("cluster", ""))
    access: ClusterAccess | None = None
    destroying: bool = False
    releases: set[tuple[str, str]] = field(default_factory=set)
    _registered: dict[ObjectName, tuple[tuple[str, str], str]] = field(default_factory=dict)
    _written: set[ObjectName] = field(default_factory=set)
    _unanswered: str | None = None

    def register(self, manifest: Mapping[str, Any]) -> None:
        """Notes that an object is part of the configuration."""
        name = ObjectName.of(manifest)
        if name is not None:
            labels = manifest["metadata"].get("labels") or {}
            self._registered[name] = ((name.namespace, labels.get("app", "")), str(manifest["apiVersion"]))

    def key(self, manifest: Mapping[str, Any]) -> str | None:
        """The key of the service that an object belongs to; None if the key is the name, or without a service."""
        metadata = manifest["metadata"]
        labels = metadata.get("labels") or {}
        entry = self._entry(metadata.get("namespace") or "", str(labels.get("app", "")))
        return None if key_of(entry.name) == entry.name else key_of(entry.name)

    def unwritten(self) -> dict[str, dict[ObjectName, str]]:
        """Objects of the configuration that this run does not write, by service, with the version of their API."""
        unwritten: dict[str, dict[ObjectName, str]] = {}
        for name, (service, version) in self._registered.items():
            if name not in self._written:
                unwritten.setdefault(key_of(self._entry(*service).name), {})[name] = version
        return unwritten

    async def drift(self) -> list[str]:
        """Reports objects that this run does not write and that are missing, or have the mark of another stack."""
        unwritten = self.unwritten() if self._cluster_exists else {}
        return await drift_of(await self._api(), unwritten, self.mark, self.former) if unwritten else []

    def removes(self, name: ObjectName, live: Mapping[str, Any]) -> bool:
        """Whether this run deletes an object of this stack, unless the object serves."""
        owner = mark_of(live)
        if owner is None or is_adopted(live) or not is_own(owner, self.mark, self.former, known=True):
            return False
        return self.destroying or self.destroy_asked or name not in self._registered

    def adopts(self, manifest: Mapping[str, Any]) -> bool:
        """Whether an object that existed before the stack may be adopted."""
        name = ObjectName.of(manifest)
        if name is None:
            return False
        labels = manifest["metadata"].get("labels") or {}
        return name.short in self._entry(name.namespace, labels.get("app", "")).adopted

    async def before_write(self, new: Mapping[str, Any], old_outputs: Mapping[str, Any] | None) -> None:
        """Checks before an object is created or changed, in a preview as well.

        Raises:
            GateRefusedError: the object, or another new object of its service, belongs to somebody else; or the object
                was deleted by hand.
        """
        name = ObjectName.of(new)
        if name is None or not self._cluster_exists:
            return
        self._written.add(name)
        labels = new["metadata"].get("labels") or {}
        entry = self._entry(name.namespace, str(labels.get("app", "")))
        known = str(((old_outputs or {}).get("metadata") or {}).get("uid") or "")
        try:
            api = await self._api()
            live = await api.find(name.resource, name.name, name.namespace or None, str(new["apiVersion"]))
            conflicts = [conflict(name, live, self._owner(entry), known)]
            if name.kind == "ServiceAccount" and not old_outputs:
                # The first object of a service: conflicts of its other objects are reported before anything is written.
                others = [
                    await self._conflict(api, other, version, entry)
                    for other, (service, version) in self._registered.items()
                    if service == (entry.namespace, entry.name) and other != name
                ]
                # Marks of earlier versions have no identity: the UID decides whose they are when the object is written.
                conflicts += [other for other in others if other and not (other.same_name and not other.identified)]
        except ClusterError as error:
            problem = f"{error} ({error.code})"
            raise GateRefusedError(str(refuse_unknown_owner(key_of(entry.name), name, problem))) from error
        raise_refusal(refuse_missing(key_of(entry.name), name) if known and live is None else None)
        raise_refusal(
            refuse_takeover(key_of(entry.name), [item for item in conflicts if item], entry.adopt_path, entry.listed)
        )
        if live is not None and takes_over(name, live, self._owner(entry), known):
            for warning in await adoption_warnings(api, key_of(entry.name), name, live, new):
                self.warn(warning)

    async def before_adoption(self, new: Mapping[str, Any], old_outputs: Mapping[str, Any] | None) -> None:
        """Marks an object that is about to be adopted, so that it outlives the stack."""
        name = ObjectName.of(new)
        if name is None or not self._cluster_exists:
            return
        entry = self._entry(name.namespace, str((new["metadata"].get("labels") or {}).get("app", "")))
        known = str(((old_outputs or {}).get("metadata") or {}).get("uid") or "")
        api = await self._api()
        live = await api.find(name.resource, name.name, name.namespace or None, str(new["apiVersion"]))
        if takes_over(name, live, self._owner(entry), known):
            await annotate(api, name, str(new["apiVersion"]), {ADOPTED: "true"})

    async def before_delete(
        self,
        inputs: Mapping[str, Any] | None,
        outputs: Mapping[str, Any] | None,
        *,
        preview: bool,
        by_guard: bool = True,
    ) -> None:
        """Checks before the engine drops the record of an object; deletes the object by its UID if that is permitted.

        Args:
            inputs: inputs of the resource, as the state has them.
            outputs: outputs of the resource, as the state has them.
            preview: whether this is a preview, in which nothing is deleted.
            by_guard: whether the guard deletes; otherwise the provider does, afterwards and by name.

        Raises:
            GateRefusedError: the object serves, or cannot be read.
        """
        record = Record.of(inputs, outputs)
        if record is None or not self._cluster_exists:
            return
        if self._unanswered is not None:
            return
        if self.destroy_asked and not self.destroying:
            await self.before_destroy()
        try:
            await self._delete_or_keep(await self._api(), record, preview=preview, by_guard=by_guard)
        except ClusterError as error:
            if self.destroying and self.own_machines and not isinstance(error, AccessDeniedError):
                self._unanswered = str(error)
                self.warn(warn_deleted_with_machines(str(error)))
                return
            raise_refusal(refuse_unreachable(record, f"the cluster could not be read ({error})"))

    async def before_destroy(self, *, partial: bool = False) -> None:
        """Notes that the run is a destroy, before anything is deleted.

        Args:
            partial: whether the engine was started to destroy single resources with their dependents.

        Raises:
            GateRefusedError: the destroy is partial or the stack is marked production, and one of its services serves.
        """
        if (partial or self.production) and self._cluster_exists:
            serving, readable = {}, True
            for entry in self.services.values():
                try:
                    reason = service_serves(entry.name, await read_namespace(await self._api(), entry.namespace))
                except ClusterError as error:
                    reason, readable = f"whether it serves is not known ({error})", False
                if reason is not None:
                    serving[key_of(entry.name)] = reason
            refusal = refuse_production_destroy(serving, readable=readable)
            raise_refusal(refuse_partial_destroy(serving) if partial else refusal)
        self.destroying = True

    async def _delete_or_keep(self, api: BoundedApi, record: Record, *, preview: bool, by_guard: bool) -> None:
        name = record.name
        live = await api.find(name.resource, name.name, name.namespace or None, record.version)
        run = self._run(record)
        decision = decide(record, live, run)
        deletes = decision.action in {Action.ASK, Action.DELETE}
        if name.kind == "Namespace":
            if deletes and not (self.own_machines and self.destroy_asked):
                await check_namespace(api, name.name)
        elif decision.action is Action.ASK and live is not None:
            reason = await reason_to_keep(api, record, live, whole=bool(record.service) and not run.configured)
            # A preview comes before the switch: what serves now is idle by the time it is deleted, and is asked again.
            if not (preview and run.configured and self._switches(record)):
                raise_refusal(refuse_serving(record, run, reason))
        if not by_guard:
            if not deletes and live is not None:
                raise_refusal(refuse_deletion_by_name(record, decision.line))
            return
        if not deletes:
            self.say(decision.line)
        if preview or live is None:
            return
        if decision.action is Action.RELEASE:
            await annotate(api, name, record.version, {PROJECT: None, STACK: None, IDENTITY: None, ADOPTED: None})
        elif deletes:
            await delete(api, record, live)

    def _switches(self, record: Record) -> bool:
        """Whether this run changes the Service that gives a service its traffic."""
        return ObjectName("", "Service", record.name.namespace, record.service) in self._written

    def _run(self, record: Record) -> Run:
        key = (record.name.namespace, record.service)
        configured = key in self.services
        no_longer_configured = bool(record.service) and not configured
        same_key = [entry.name for entry in self.services.values() if key_of(entry.name) == key_of(record.service)]
        return Run(
            mark=self.mark,
            former=self.former,
            registered=record.name in self._registered,
            configured=configured,
            elsewhere=record.service in same_key,
            renamed=bool(same_key) and record.service not in same_key,
            removed=key in self.removed,
            destroying=self.destroying and not (self.production and no_longer_configured),
        )

    @property
    def _cluster_exists(self) -> bool:
        """Whether the cluster exists."""
        return self.access is not None and self.access.exists

    async def _api(self) -> BoundedApi:
        if self.access is None:
            raise UnreachableError("no cluster is known in this run")
        return (await Cluster.connect(self.access)).api

    async def _conflict(
        self, api: BoundedApi, name: ObjectName, version: str, entry: ServiceEntry, known: str = ""
    ) -> Conflict | None:
        live = await api.find(name.resource, name.name, name.namespace or None, version)
        return conflict(name, live, self._owner(entry), known)

    def _entry(self, namespace: str, service: str) -> ServiceEntry:
        return self.services.get((namespace, service), self.cluster_entry)

    def _owner(self, entry: ServiceEntry) -> Owner:
        return Owner(self.mark, self.former, entry.adopted)
