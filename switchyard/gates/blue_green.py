"""The gates of a service in two colours: before the pods of a colour are changed."""

from collections.abc import Collection, Mapping

from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.errors import ClusterError
from switchyard.gates.autoscaling import replicas
from switchyard.gates.base import Warn
from switchyard.gates.rules.admission import warn_template_rewritten
from switchyard.gates.rules.node_routing import refuse_unfollowed
from switchyard.gates.rules.ports import refuse_closed_port, refuse_other_port_in_place
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.release import refuse_in_place, refuse_no_answer, refuse_retire
from switchyard.gates.rules.reports import about_readiness, other_version, warn_image_rewritten, why_not_ready
from switchyard.gates.rules.sizes import needed_to_retire, planned
from switchyard.gates.service import Gates
from switchyard.gates.waits import wait_for_nodes
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.images import Running
from switchyard.kube.namespace import read_namespace
from switchyard.kube.objects import Endpoint, PodsChange, application, image_owners, ports_of
from switchyard.kube.polling import watch_until
from switchyard.kube.selectors import gets_traffic, ready_pods, serving_track
from switchyard.kube.serving import users_services
from switchyard.kube.shortage import running
from switchyard.manifests.labels import colour_name, selector
from switchyard.manifests.pods import Manifest, moved_ports


class BlueGreenGates(Gates[BlueGreenSettings]):
    """The gates of a service in two colours, with the arguments of `Gates` and the following.

    Args:
        kept: the tracks whose pod template stays as admission has rewritten it.
    """

    def __init__(
        self,
        name: str,
        service: BlueGreenSettings,
        access: ClusterAccess,
        warn: Warn,
        kept: Collection[Track] = (),
    ) -> None:
        super().__init__(name, service, access, warn)
        self._kept = kept
        self._applied: set[Colour] = set()
        self._previewed: set[Colour] = set()
        self._manifests: dict[Colour, Manifest] = {}
        self._running: dict[Colour, tuple[Running, ...]] = {}

    async def before_command(self) -> None:
        """Checks before a command switches, by the gates that an update of the engine passes.

        Raises:
            GateRefusedError: as of `before_switch`.
        """
        await self.before_switch(creating=False, preview=False)

    async def before_switch(self, *, creating: bool, preview: bool) -> None:
        """Checks also that the Service gets no port on which the pods that serve do not listen.

        A gate of its own refuses such a port together with a change of the pods. This one is for an update that
        leaves them as they are, because it is limited to single resources.
        """
        active = self._service.active
        if not self.by_command and active not in self._previewed | self._applied:
            async with self._cluster() as cluster:
                await self._check_closed_port(cluster, self._name, active)
        await super().before_switch(creating=creating, preview=preview)

    async def before_colour_service(self, colour: Colour) -> None:
        """Checks before the Service of a colour is changed, which comes before any pods.

        Raises:
            GateRefusedError: users reach the colour by this Service, and its pods do not listen on the new port.
        """
        changed = colour_name(self._name, colour)
        async with self._cluster() as cluster:
            if not moved_ports(self._service, await cluster.service_targets(self._service.namespace, changed)):
                return
            serving = users_services(await read_namespace(cluster.api, self._service.namespace))
            if changed in serving:
                await self._check_closed_port(cluster, changed, colour, serving[changed])

    async def _check_closed_port(self, cluster: Cluster, changed: str, colour: Colour, reason: str = "") -> None:
        targets = await cluster.service_targets(self._service.namespace, changed)
        if not moved_ports(self._service, targets):
            return
        owner = await cluster.owner(self._service.namespace, self._name, Track(colour))
        if owner is not None:
            listening = ports_of(application(owner["spec"]["template"]["spec"]))
            self._raise(refuse_closed_port(self._name, self._service, changed, targets, listening, reason))

    async def before_pods_change(
        self, colour: Colour, manifest: Manifest, *, preview: bool, recorded: int | None = None
    ) -> None:
        """Checks before a Deployment is applied, whether the state has it or not.

        In a preview the Service is not switched yet, so the idle colour is not checked.

        Args:
            colour: the colour of the Deployment.
            manifest: the object that is about to be applied.
            preview: whether this is a preview.
            recorded: replicas of the Deployment in the state; None without a record.

        Raises:
            GateRefusedError: pods of the colour would be replaced or removed while the cluster needs them.
        """
        (self._previewed if preview else self._applied).add(colour)
        self._manifests[colour] = manifest
        async with self._cluster() as cluster:
            applied = await self._as_applied(cluster, colour, manifest)
            change = await cluster.pods_change(applied, kept=Track(colour) in self._kept)
            if change is None or not change.takes_pods:
                return
            if colour == self._service.active:
                selected = await self._selecting(cluster, colour)
                if gets_traffic(self._name, Track(colour), selected):
                    self._check_added_pods(Track(colour), change.before, change.after, recorded)
                if change.template:
                    self._raise(refuse_in_place(self._name, self._service, colour, selected, change.fields))
                    targets = await cluster.service_targets(self._service.namespace, self._name)
                    self._raise(refuse_other_port_in_place(self._name, self._service, colour, selected, targets))
                    await self._before_in_place(cluster, colour, change)
            elif not preview:
                needed = await self._wait_for_retirement(cluster, colour, change)
                if needed:
                    seconds = self._service.gate.timeout_seconds
                    reasons = await wait_for_nodes(cluster, self._service, seconds)
                    self._raise(refuse_unfollowed(self._name, colour, reasons))
                    await self._before_retirement(cluster, colour)

    async def _selecting(self, cluster: Cluster, colour: Colour) -> Mapping[str, str] | None:
        """The selector of the Service; that of the colour where the Service has it narrowed down by more labels.

        Somebody may have added a label to it, so that it selects only a part of the colour's pods.
        """
        selected = await self._selected(cluster)
        if selected is None or serving_track(self._name, selected) is not None:
            return selected
        behind = ready_pods(await cluster.endpoints(self._service.namespace, self._name))
        own = await cluster.pods(self._service.namespace, selector(self._name, colour))
        return selector(self._name, colour) if behind.intersection(pod.name for pod in own) else selected

    async def _as_applied(self, cluster: Cluster, colour: Colour, manifest: Manifest) -> Manifest:
        """A Deployment as the provider applies it: with the live number of pods where an autoscaler decides."""
        if not planned(self._service, Track(colour), self.sizing).kept:
            return manifest
        live = await replicas(cluster, self._service.namespace, self._name, Track(colour))
        return manifest if live is None else {**manifest, "spec": {**manifest["spec"], "replicas": live}}

    async def _live_if_sized(self, cluster: Cluster, colour: Colour) -> int | None:
        """Replicas of a colour's Deployment, where an autoscaler sizes it; else None."""
        if not self.sizing.sizes(self._service, Track(colour)):
            return None
        return await replicas(cluster, self._service.namespace, self._name, Track(colour))

    async def _before_in_place(self, cluster: Cluster, colour: Colour, change: PodsChange) -> None:
        """Checks before pods that the Service does not select are replaced, for users who bypass the Service."""

    async def _before_retirement(self, cluster: Cluster, colour: Colour) -> None:
        """Checks before ready pods that the Service no longer needs are removed, as `_before_in_place` does."""

    async def explain(self, colour: Colour, errors: Collection[str]) -> None:
        """Reports why the pods of a colour are not ready, after an update whose wait for them failed.

        Args:
            colour: the colour.
            errors: the engine's messages of the failed step, which it shows itself. A step that failed for another
                reason, such as a rejected object or Ctrl-C, has nothing to do with the state of the pods.
        """
        if not about_readiness(errors):
            return
        try:
            why = await self._why_not_ready(await Cluster.connect(self._access), colour)
        except ClusterError:
            return  # the engine has reported what it saw itself
        self._warn(why)

    async def _unfinished(self, cluster: Cluster) -> str | None:
        """Also reports other versions and missing pods of colours; the latter fail an update that changed them.

        The provider waits for a Deployment by watching it, and at times takes the state before its own apply for
        the one after, and reports pods as ready before they exist.
        """
        problem = await super()._unfinished(cluster)
        for colour in Colour if problem is None else ():
            if colour in self._previewed:
                continue
            changed = colour in self._applied
            if not await self._has_its_pods(cluster, colour, self._service.ready_timeout_seconds if changed else 0):
                short = await self._why_not_ready(cluster, colour)
                if changed:
                    return short
                self._warn(short)
            problem = problem or await self._other_version(cluster, colour)
        return problem

    @property
    def _pods_are_planned(self) -> bool:
        return self._service.active in self._previewed

    async def _other_version(self, cluster: Cluster, colour: Colour) -> str | None:
        """The problem with the version of a colour's pods, or None. Reports an image rewritten by admission."""
        track, images = Track(colour), self._running.get(colour, ())
        if colour in self._applied:
            await self._name_admission(cluster, colour)
        if other_version(self._name, self._service, track, images) is None:
            return None
        owner = await cluster.owner(self._service.namespace, self._name, track)
        return other_version(self._name, self._service, track, images, image_owners(owner) if owner else frozenset())

    async def _name_admission(self, cluster: Cluster, colour: Colour) -> None:
        """Reports what admission has changed in the pods of this update, in their template or one by one."""
        track, live = Track(colour), await cluster.owner(self._service.namespace, self._name, Track(colour))
        report = None
        if live is not None:
            configured = self._manifests[colour]["spec"]["template"]
            report = warn_template_rewritten(self._name, track, configured, live["spec"]["template"])
        self._warn_once(report or warn_image_rewritten(self._name, self._service, track, self._running.get(colour, ())))

    async def _has_its_pods(self, cluster: Cluster, colour: Colour, seconds: float) -> bool:
        """Waits until all pods of the present template of a colour are ready."""
        namespace, asked = self._service.namespace, planned(self._service, Track(colour), self.sizing).pods

        async def complete() -> bool:
            # An autoscaler may have removed pods since the update began.
            live = await self._live_if_sized(cluster, colour)
            wanted = asked if live is None else min(asked, live)
            current = await cluster.current_pods(namespace, self._name, Track(colour))
            pods = await cluster.pods(namespace, selector(self._name, colour))
            own = [pod for pod in pods if pod.name in current]
            self._running[colour] = running(own)
            return sum(pod.ready for pod in own) >= wanted

        async def enough(_: frozenset[Endpoint]) -> bool:
            return await complete()

        if not asked or await complete():
            return True
        return await watch_until(cluster.watch_endpoints(namespace, colour_name(self._name, colour)), enough, seconds)

    async def _why_not_ready(self, cluster: Cluster, colour: Colour) -> str:
        report = await self._pods_report(cluster, Track(colour))
        serving = serving_track(self._name, await self._selected(cluster))
        return why_not_ready(self._name, self._service, report, serving)

    async def _wait_for_retirement(self, cluster: Cluster, colour: Colour, change: PodsChange) -> bool:
        """Waits until the change is permitted. Returns True if it removes ready pods, on which a node may rely."""
        refusal: Refusal | None = refuse_no_answer(self._name, self._service, f"a change of the idle colour {colour}")
        ready = 0

        async def may_go(behind_service: frozenset[Endpoint]) -> bool:
            nonlocal refusal, ready
            pods = await cluster.pods(self._service.namespace, selector(self._name, colour))
            selected = await self._selected(cluster)
            live = await self._live_if_sized(cluster, colour.other)
            ready = sum(pod.ready for pod in pods)
            needed = needed_to_retire(self._service, self.sizing, live, ready)
            refusal = refuse_retire(self._name, self._service, colour, selected, behind_service, pods, change, needed)
            return refusal is None

        watch = cluster.watch_endpoints(self._service.namespace, self._name)
        await watch_until(watch, may_go, self._service.gate.timeout_seconds)
        await self._raise_with_report(cluster, refusal, self._service.track)
        return change.lost(ready) > 0
