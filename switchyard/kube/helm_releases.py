"""Removes what a killed update has left of a Helm release, so that Helm does not refuse the next update."""

from collections.abc import Callable

from switchyard.kube.access import ClusterAccess

UNFINISHED = "pending-install,pending-upgrade,pending-rollback"
"""States of a Helm revision that was being installed, upgraded or rolled back."""


async def clear_unfinished(access: ClusterAccess, namespace: str, release: str, report: Callable[[str], None]) -> None:
    """Deletes the revisions of a release that were left unfinished.

    Helm marks a revision before it begins, and refuses another as long as the mark is there: `cannot re-use a name`,
    `another operation is in progress`. After an update that was killed nobody takes it off. One update of a stack runs
    at a time, so that at the beginning of the next the mark is a left-over. What the revision has made stays, and
    belongs to the release by its annotations.

    Args:
        access: the cluster.
        namespace: of the release.
        release: its name.
        report: is called with a line for each revision that is deleted.

    Raises:
        switchyard.errors.ClusterError: the cluster cannot be asked.
    """
    api = await access.api()
    selector = f"owner=helm,name={release},status in ({UNFINISHED})"
    found = await api.ask("list", "secrets", namespace=namespace, params={"labelSelector": selector})
    for secret in found["items"]:
        name, state = secret["metadata"]["name"], secret["metadata"]["labels"]["status"]
        await api.ask("delete", "secrets", name, namespace)
        report(f"{release}: {name} was left {state} by an update that did not end, and is deleted")
