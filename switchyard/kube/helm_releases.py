"""Removes unfinished revisions of a Helm release after a killed update, so that Helm accepts the next update."""

from collections.abc import Callable

from switchyard.kube.access import ClusterAccess

UNFINISHED = "pending-install,pending-upgrade,pending-rollback"
"""States of a Helm revision that was being installed, upgraded or rolled back."""


async def clear_unfinished(access: ClusterAccess, namespace: str, release: str, report: Callable[[str], None]) -> None:
    """Deletes the revisions of a release that were left unfinished.

    Helm marks a revision before it begins, and refuses another as long as the mark is there: `cannot re-use a name`,
    `another operation is in progress`. An update that was killed leaves the mark. One update of a stack runs at a time,
    so that no other update is at work on the release. Objects that the revision has created stay, and belong to the
    release by their annotations.

    Args:
        access: the cluster.
        namespace: namespace of the release.
        release: name of the release.
        report: is called with a line for each revision that is deleted.

    Raises:
        switchyard.errors.ClusterError: the cluster does not answer.
    """
    api = await access.api()
    selector = f"owner=helm,name={release},status in ({UNFINISHED})"
    revisions = await api.ask("list", "secrets", namespace=namespace, params={"labelSelector": selector})
    for secret in revisions["items"]:
        name, state = secret["metadata"]["name"], secret["metadata"]["labels"]["status"]
        await api.ask("delete", "secrets", name, namespace)
        report(f"{release}: {name} was left {state} by an update that did not end, and is deleted")
