"""The base of all gates: access to the cluster, and reports of errors and warnings to the engineer."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Generic, TypeVar

from switchyard.config.commands import typed
from switchyard.config.models.releases import Freeze
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.errors import (
    AccessDeniedError,
    ApiStatusError,
    ClusterError,
    GateRefusedError,
    KubeconfigError,
    LoginError,
    RejectedError,
)
from switchyard.gates.rules.adopted_fields import refuse_unready_addresses
from switchyard.gates.rules.incompatible_version import refuse_incompatible_version
from switchyard.gates.rules.local_traffic import local_policies, refuse_lost_nodes
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.release import refuse_adoption, refuse_other_ports
from switchyard.gates.rules.reports import shared_selector
from switchyard.gates.rules.rolled_back import refuse_rolled_back, warn_rollbacks_unknown
from switchyard.gates.rules.running_release import find_outdated, refuse_outdated
from switchyard.gates.rules.sizes import Sizing
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.error_texts import remedy_for
from switchyard.kube.incompatible_version import find_incompatible_version, parse_releases
from switchyard.kube.objects import Endpoint
from switchyard.kube.release_lease import is_held
from switchyard.kube.rolled_back import parse_rolled_back, read_record
from switchyard.kube.selectors import endpoint_nodes, serving_track

Warn = Callable[[str], None]

S_co = TypeVar("S_co", bound=ServiceSettings, covariant=True)
"""Settings of a service with the strategy of the gates."""

NOT_TAKEN = "This step was not taken; earlier steps of this update stay as they are."
"""Last sentence of the message of a gate that could not read the cluster."""


def raise_refusal(refusal: Refusal | None) -> None:
    """Raises a refusal, if there is one, as `GateRefusedError`."""
    if refusal is not None:
        raise GateRefusedError(str(refusal))


class GateBase(Generic[S_co]):
    """The common base of the gates of a service: access to its cluster, and warnings to the engineer.

    Args:
        name: the service's name.
        service: settings of the service.
        access: the cluster that it runs on.
        warn: reports a warning to the engineer.

    Attributes:
        sizing: the numbers of pods at the start of the program, where an autoscaler sizes the service.
        intended: whether an operator has asked for the new version by a command, even if it was rolled back.
        by_command: whether a command switches, which itself refuses a version that no longer works.
        freezes: the freeze windows in which an update switches no colour. Commands check them on their own.
    """

    sizing = Sizing()
    intended = False
    by_command = False
    freezes: tuple[Freeze, ...] = ()

    def __init__(self, name: str, service: S_co, access: ClusterAccess, warn: Warn) -> None:
        self._name = name
        self._service = service
        self._access = access
        self._warn = warn
        self._warned: set[str] = set()
        self._switching = False
        self._autoscaler_previewed = False

    @property
    def cluster_exists(self) -> bool:
        """Whether the cluster exists; without a cluster nothing serves."""
        return self._access.exists

    async def _selected(self, cluster: Cluster) -> Mapping[str, str] | None:
        return await cluster.service_selector(self._service.namespace, self._name)

    @asynccontextmanager
    async def _cluster(self) -> AsyncGenerator[Cluster, None]:
        try:
            yield await Cluster.connect(self._access)
        except ClusterError as error:
            problem, remedy = self._why(error)
            raise GateRefusedError(f"{sentence(problem)} {NOT_TAKEN} {remedy}") from error

    def _warn_once(self, warning: str | None) -> None:
        """Reports a warning unless another hook of this run has reported the same."""
        if warning is not None and warning not in self._warned:
            self._warned.add(warning)
            self._warn(warning)

    async def _check_adoption(self, cluster: Cluster, selected: Mapping[str, str] | None) -> None:
        """Refuses to adopt a Service without permission, or one that would send requests where no pod is ready."""
        if selected is None:
            return
        self._raise(refuse_adoption(self._name, self._service, selected))
        spec = await cluster.service_spec(self._service.namespace, self._name)
        self._raise(refuse_unready_addresses(self._name, self._service, spec))
        if serving_track(self._name, selected) is not None:
            return
        ports = [port["port"] for port in spec.get("ports") or ()]
        self._raise(refuse_other_ports(self._name, self._service, ports))
        self._warn_once(shared_selector(self._name, self._service.track, selected))

    async def _check_nodes(self, cluster: Cluster, to: Track, endpoints: Iterable[Endpoint]) -> None:
        """Refuses a switch after which, by the traffic policy Local, nodes that answer now would not."""
        namespace = self._service.namespace
        live = await cluster.service_spec(namespace, self._name)
        policies = local_policies(self._service, live, by_command=self.by_command)
        if live and policies:
            nodes = endpoint_nodes(await cluster.endpoints(namespace, self._name)) - endpoint_nodes(endpoints)
            self._raise(refuse_lost_nodes(self._name, self._service, to, policies, nodes))

    async def _check_frozen(self, cluster: Cluster, to: Track, serving: Track | None) -> None:
        """Refuses a switch while a window without releases is open."""
        # Imported here: most stacks have no windows, and none of their runs waits for it.
        from switchyard.gates.freeze import read_open_window  # noqa: PLC0415
        from switchyard.gates.rules.freeze import refuse_frozen_switch  # noqa: PLC0415

        window = await read_open_window(cluster.api, self.freezes, key_of(self._name))
        self._raise(refuse_frozen_switch(self._name, to, serving, window))

    async def _check_record(self, cluster: Cluster, to: Track, serving: Track | None) -> None:
        """Refuses a switch that the record of the releases forbids, for example by an outdated pipeline.

        That is a version that no longer works after an irreversible hook, or that was rolled back, and any version
        while a running command releases another one.
        """
        if to is Track.ROLLOUT:
            return
        try:
            record = await read_record(cluster.api, self._service.namespace, self._name)
        except AccessDeniedError as error:
            self._warn(warn_rollbacks_unknown(self._name, str(error)))
            return
        if not self.by_command:
            releases = parse_releases(record)
            left = find_incompatible_version(releases, to.value, self._service.own(to).tag)
            self._raise(refuse_incompatible_version(self._name, self._service, to, serving, left))
            outdated = find_outdated(self._service, to, serving, releases)
            if outdated is not None and await self._is_released(cluster):
                self._raise(refuse_outdated(self._name, to, outdated))
        if not self.intended:
            self._raise(refuse_rolled_back(self._name, self._service, to, serving, parse_rolled_back(record)))

    async def _is_released(self, cluster: Cluster) -> bool:
        """Whether a command on the releases of the service is running, as far as this user may see it."""
        with suppress(AccessDeniedError):  # a user who may not read Leases may still update
            return await is_held(cluster.api, self._service.namespace, self._name)
        return False

    def _raise(self, refusal: Refusal | None) -> None:
        raise_refusal(refusal)

    def _why(self, error: ClusterError) -> tuple[str, str]:
        """The reason why a call failed, with a remedy."""
        match error:
            case AccessDeniedError():
                problem = f"the gate {error}"
            case RejectedError() | ApiStatusError() | KubeconfigError() | LoginError():
                problem = str(error)
            case _:
                problem = f"the gate could not read the cluster: {error}"
        coded = f"{key_of(self._name)}: {problem.removesuffix('.')} ({error.code})"
        return coded, f"{remedy_for(error)} Then run `{typed('pulumi up')}` again.".lstrip()


def sentence(text: str) -> str:
    """Returns the text with a full stop at its end, which messages of the API server may lack."""
    return text if text.endswith(".") else f"{text}."
