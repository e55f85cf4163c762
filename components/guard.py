"""Puts all registered objects under the guard of this run: ownership marks, hooks and the destroy sentinel."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import pulumi

from components.identity import Identity
from switchyard.config.loader import NAMESPACE, StackSettings
from switchyard.config.models.cluster import CLUSTER, ExistingCluster
from switchyard.errors import ClusterError
from switchyard.gates.addons import before_release_deletion
from switchyard.gates.guard import Guard
from switchyard.gates.machines import before_machine_deletion
from switchyard.gates.placement import before_node_release
from switchyard.gates.rules.ownership import Owner
from switchyard.gates.service_entry import ServiceEntry
from switchyard.kube.access import ClusterAccess
from switchyard.kube.mark_owner import former_is_own
from switchyard.manifests.ownership_marks import Mark, marked
from switchyard.manifests.pods import Manifest
from switchyard.operation import is_destroy, is_whole_destroy, selection

DELETE_HOOK = "switchyard-before-delete"
"""Name of the deletion guard. The state of every stack refers to it: never rename it, and register it in every run.

The engine refuses to delete a resource whose hook is not registered.
"""

CHECK_HOOK = "switchyard-before-delete-by-provider"
"""Name of the guard of objects that the provider itself deletes. It must not be renamed either."""

RELEASE_HOOK = "switchyard-before-release-delete"
"""Name of the guard of Helm releases. It must not be renamed either."""

MACHINE_HOOK = "switchyard-before-machine-delete"
"""Name of the guard of the machines of workers. It must not be renamed either."""

NODE_HOOK = "switchyard-before-node-release"
"""Name of the hook of a node that leaves the stack. It must not be renamed either."""

DESTROY_HOOK = "switchyard-before-destroy"
"""Name of the hook that detects a destroy. It must not be renamed either."""

DeletedBy = Literal["guard", "provider", "nobody"]
"""Who deletes an object that the stack no longer manages.

The guard deletes by UID. The provider deletes where something depends on how it does so, after the guard has allowed
it. An object of `nobody` stays on the cluster.
"""


class _Hooks:
    """The hooks of one run, each under its fixed name."""

    def __init__(self, guard: Guard, identity: Identity) -> None:
        self.guard = guard
        self.kept_in = [] if identity.kept_in is None else [identity.kept_in]
        preview = pulumi.runtime.is_dry_run

        async def delete(args: pulumi.ResourceHookArgs) -> None:
            await guard.before_delete(args.old_inputs, args.old_outputs, preview=preview())

        async def check(args: pulumi.ResourceHookArgs) -> None:
            await guard.before_delete(args.old_inputs, args.old_outputs, preview=preview(), by_guard=False)

        async def destroy(_: pulumi.ResourceHookArgs) -> None:
            # A replacement deletes the sentinel as well (`pulumi up --replace '**'`, `pulumi state taint`), and is no
            # destroy, in which everything may be deleted.
            if is_destroy():
                await guard.before_destroy(partial=not is_whole_destroy())

        async def write(args: pulumi.ResourceHookArgs) -> None:
            await guard.before_write(args.new_inputs or {}, args.old_outputs)

        async def adopt(args: pulumi.ResourceHookArgs) -> None:
            await guard.before_adoption(args.new_inputs or {}, args.old_outputs)

        async def machine(args: pulumi.ResourceHookArgs) -> None:
            await before_machine_deletion(guard, args.id)

        async def node(args: pulumi.ResourceHookArgs) -> None:
            await before_node_release(guard, args.old_inputs or {}, preview=preview())

        async def release(args: pulumi.ResourceHookArgs) -> None:
            await before_release_deletion(guard, args.old_inputs or {}, preview=preview())

        in_previews = pulumi.ResourceHookOptions(on_dry_run=True)
        self.delete = pulumi.ResourceHook(DELETE_HOOK, delete, in_previews)
        self.check = pulumi.ResourceHook(CHECK_HOOK, check, in_previews)
        self.release = pulumi.ResourceHook(RELEASE_HOOK, release, in_previews)
        self.machine = pulumi.ResourceHook(MACHINE_HOOK, machine, in_previews)
        self.node = pulumi.ResourceHook(NODE_HOOK, node)
        self.destroy = pulumi.ResourceHook(DESTROY_HOOK, destroy, in_previews)
        self.write = pulumi.ResourceHook("switchyard-before-write", write, in_previews)
        self.adopt = pulumi.ResourceHook("switchyard-before-adoption", adopt)


_current: list[_Hooks] = []
"""The hooks of this run, from `begin` on. A program is one run, and every component registers objects."""


def begin(settings: StackSettings, identity: Identity | None = None) -> Guard:
    """Registers the hooks of this run, before any object is registered.

    Args:
        settings: settings of the stack.
        identity: identity of the stack.
    """
    identity = identity or Identity()
    guard = Guard(
        mark=Mark(pulumi.get_project(), pulumi.get_stack(), identity.text),
        former=None if settings.former is None else Mark.parse(settings.former),
        production=settings.production,
        own_machines=not isinstance(settings.cluster, ExistingCluster),
        services=dict(_entry(settings, key) for key in settings.services),
        removed=_removed(settings),
        destroy_asked=is_whole_destroy(),
        say=pulumi.log.info,
        warn=pulumi.log.warn,
        cluster_entry=_cluster_entry(settings),
    )
    if guard.former is not None and guard.former.covers(guard.mark):
        pulumi.log.warn(former_is_own(guard.mark))
    _current[:] = [_Hooks(guard, identity)]
    return guard


def stack_mark() -> Mark:
    """The mark of this stack; without its identity where no run has begun, as in tests of components."""
    return _current[0].guard.mark if _current else Mark(pulumi.get_project(), pulumi.get_stack())


def stack_owner() -> Owner:
    """This stack as the owner of what it writes, with the stack that it took over from."""
    return Owner(stack_mark(), _current[0].guard.former if _current else None)


def guarded(
    manifest: Manifest, opts: pulumi.ResourceOptions, deleted_by: DeletedBy = "guard"
) -> tuple[Manifest, pulumi.ResourceOptions]:
    """A manifest with this stack's marks, and options that put its object under the guard.

    Outside a program, as in tests of components, there are marks and no hooks.

    Args:
        manifest: the object.
        opts: options of its resource.
        deleted_by: who deletes the object, see `DeletedBy`.
    """
    if not _current:
        return marked(manifest, stack_mark()), opts
    hooks = _current[0]
    manifest = marked(manifest, hooks.guard.mark, hooks.guard.key(manifest))
    hooks.guard.register(manifest)
    write_hooks = [hooks.write]
    own = opts.hooks or pulumi.ResourceHookBinding()
    adopting = [hooks.adopt] if hooks.guard.adopts(manifest) else []
    bound = pulumi.ResourceOptions(
        depends_on=hooks.kept_in,
        hooks=pulumi.ResourceHookBinding(
            before_create=[*write_hooks, *(own.before_create or []), *adopting],
            before_update=[*write_hooks, *(own.before_update or [])],
            before_delete={"guard": [hooks.delete], "provider": [hooks.check], "nobody": None}[deleted_by],
            on_error=own.on_error,
        ),
    )
    if deleted_by != "provider":
        bound.retain_on_delete = True
    plain = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions())
    plain.hooks = None
    return manifest, pulumi.ResourceOptions.merge(plain, bound)


def release_hook(namespace: str, name: str) -> list[pulumi.ResourceHook] | None:
    """The guard of a Helm release, which Helm deletes by its name: one that is configured or needed is not deleted."""
    if not _current:
        return None
    _current[0].guard.releases.add((namespace, name))
    return [_current[0].release]


def machine_hook() -> pulumi.ResourceHookBinding | None:
    """The guard of the machine of a worker, which is not deleted under pods that serve."""
    return pulumi.ResourceHookBinding(before_delete=[_current[0].machine]) if _current else None


def node_hook() -> list[pulumi.ResourceHook] | None:
    """The hook of the patch of a node, which removes the mark of this stack when the node leaves it."""
    return [_current[0].node] if _current else None


class DestroySentinel(pulumi.ComponentResource):
    """A resource that depends on everything else, so that a destroy begins with it: its hook tells the guard.

    Nothing depends on it, and it depends on all that the program registers. A destroy deletes in the reverse of that
    order, in a preview as well.
    """

    def __init__(self, name: str, after: Sequence[pulumi.Resource]) -> None:
        hooks = _current[0]
        super().__init__(
            "switchyard:stack:DestroySentinel",
            name,
            None,
            pulumi.ResourceOptions(depends_on=after, hooks=pulumi.ResourceHookBinding(before_delete=[hooks.destroy])),
        )
        self.register_outputs({})


def warn_of_drift_at_end(guard: Guard, last: DestroySentinel) -> None:
    """Warns at the end of a run or a preview of objects that drifted and that the run leaves as they are.

    Args:
        guard: guard of this run.
        last: the resource that depends on everything else.
    """

    async def warn(_: str) -> None:
        if is_destroy() or selection() is not None:
            return  # what is not selected may not exist yet
        with suppress(ClusterError):  # the gates report a cluster that cannot be read
            for line in await guard.drift():
                pulumi.log.warn(line)

    warned: pulumi.Output[None] = last.urn.apply(warn)
    del warned  # the engine waits for it


def attach(guard: Guard, access: ClusterAccess) -> None:
    """Attaches the guard to the cluster."""
    guard.access = access


def _removed(settings: StackSettings) -> frozenset[tuple[str, str]]:
    """Namespace and name of the services that may be removed although they serve."""
    former_names = {
        (service.leaves, service.kubernetes_name(key))
        for key, service in settings.services.items()
        if service.leaves is not None
    }
    return frozenset(former_names.union(settings.removed.values()))


def _cluster_entry(settings: StackSettings) -> ServiceEntry:
    """The entry of the objects that belong to no service. They can be adopted on an existing cluster only."""
    cluster = settings.cluster
    if not isinstance(cluster, ExistingCluster):
        return ServiceEntry("cluster", "")
    return ServiceEntry("cluster", "", frozenset(cluster.adopt), len(cluster.adopt), f"{CLUSTER}.adopt")


def _entry(settings: StackSettings, key: str) -> tuple[tuple[str, str], ServiceEntry]:
    service = settings.services[key]
    name, path = service.named(key), f"{NAMESPACE}:services.{key}.adopt"
    adopted = [*service.adopt, *([f"Service/{name}"] if service.adopt_existing_service else [])]
    entry = ServiceEntry(name, service.namespace, frozenset(adopted), len(service.adopt), path)
    return service.namespaced(key), entry
