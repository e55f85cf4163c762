"""The names, labels and annotations that the objects of one service share."""

from switchyard.config.kubernetes import MANAGED_BY
from switchyard.config.models.service import Colour, Track

FIELD_MANAGER = "switchyard"
"""Field manager of every server-side apply.

One fixed name, so that the command line and the engine are the same owner: a selector that either of them
set is no conflict for the other.
"""

RECORD_MANAGER = "switchyard-record"
"""Field manager of the record of releases.

An earlier program writes the record as `FIELD_MANAGER`, and an apply removes what its own manager has set before and
sets no more. Under another name, keys that such a program does not know outlive it.
"""

MANAGED = {MANAGED_BY: FIELD_MANAGER}
"""Label of every object that this program creates for a service."""

APPLY = {
    "pulumi.com/patchFieldManager": FIELD_MANAGER,
    # Without force a field that somebody changed by hand ends every later update in a conflict, so that the
    # drift could be seen but not repaired.
    "pulumi.com/patchForce": "true",
}
"""Annotations that tell the Kubernetes provider how to apply an object."""

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""Annotation for Services and Ingresses: the provider's own wait sleeps 10 s.

The wait for a Service succeeds without any endpoint; the gate reads the EndpointSlices instead, before the switch and
again before the old colour is changed. An Ingress is followed by `switchyard.gates.load_balancer`; see
`switchyard.manifests.ingress`.
"""

CONTENT_HASH = "switchyard/content-hash"
"""Annotation of a pod template: the versions of the ConfigMaps and Secrets whose change makes a new version."""

CONFIGURED_PODS = "switchyard/configured-pods"
"""Annotation of a Deployment: a digest of the pod template that the stack had when it was applied last.

The template on the cluster may be another one, rewritten by an admission webhook or policy.
"""

RENEWED_AT = "switchyard/renewed-at"
"""Annotation of the pod template of a colour whose pods were replaced by new ones of the same version.

No setting controls it, so an update does not change it, and old and new pods have the same version.
"""

BACKGROUND_DELETION = {"pulumi.com/deletionPropagationPolicy": "background"}
"""Annotation for Rollouts: background deletion, so that the object goes at once and its pods follow.

By default the object stays until its pods are gone, and the provider (4.25.0) watches it. It crashes when it sees it
change meanwhile: a Rollout's `observedGeneration` is text, and of what it makes of that it takes no error.
"""


def record_name(service: str) -> str:
    """Name of the ConfigMap with the record of a service's releases, and of its Lease."""
    return f"{service}-release"


def colour_name(service: str, colour: Colour) -> str:
    """Name of a colour's Deployment, Service and PodDisruptionBudget, for example ``backend-green``."""
    return f"{service}-{colour.value}"


def stable_name(service: str) -> str:
    """Name of the Service whose selector Argo Rollouts keeps on the stable version."""
    return f"{service}-stable"


def canary_name(service: str) -> str:
    """Name of the Service whose selector Argo Rollouts keeps on the canary."""
    return f"{service}-canary"


def preview_name(service: str) -> str:
    """Name of the Service whose selector Argo Rollouts keeps on the version before its promotion."""
    return f"{service}-preview"


def track_service_name(service: str, track: Track) -> str:
    """Name of the Service of one track: it selects the pods of that track, whichever track has the traffic."""
    return stable_name(service) if track is Track.ROLLOUT else colour_name(service, Colour(track))


def selector(service: str, track: Track | Colour) -> dict[str, str]:
    """Labels that select the pods of one track, and no other pod."""
    return {"app": service, "version": track.value}


def object_labels(service: str) -> dict[str, str]:
    """Labels of every object that belongs to a service, whatever its colour."""
    return {"app": service, **MANAGED}
