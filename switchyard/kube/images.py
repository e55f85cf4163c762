"""What pods run, by the references of their images: pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass

from switchyard.config.models.service import Colour, ServiceSettings, Track


@dataclass(frozen=True)
class Image:
    """A reference to an image, taken apart.

    Attributes:
        repository: registry and name, for example ``ghcr.io/org/backend``.
        tag: None where the reference has none.
        digest: for example ``sha256:9f86...``; None where the reference has none.
    """

    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def version(self) -> str:
        """The tag; without one the digest, or what a runtime takes then."""
        return self.tag or self.digest or "latest"


@dataclass(frozen=True)
class Running:
    """Pods that run the same image.

    Attributes:
        reference: of the image, as the pods have it.
        digest: of what their runtime has pulled; None while it has not said so, or has not pulled it by a digest.
        pods: how many there are.
        ready: how many of them are ready.
    """

    reference: str
    digest: str | None
    pods: int
    ready: int

    @property
    def image(self) -> Image:
        """The reference, taken apart."""
        return parsed(self.reference)


def parsed(reference: str) -> Image:
    """Takes a reference apart. A colon before the last slash belongs to the registry's port."""
    named, _, digest = reference.partition("@")
    path, slash, last = named.rpartition("/")
    name, _, tag = last.partition(":")
    return Image(f"{path}{slash}{name}", tag or None, digest or None)


def digest_of(image_id: str) -> str | None:
    """The digest in a container's ``imageID``, for example ``ghcr.io/org/backend@sha256:9f86...``.

    An imageID without a repository is the runtime's own number of an image that was never pulled by a digest.
    """
    repository, at, digest = image_id.partition("@")
    return digest if at and repository and ":" in digest else None


def same_version(reference: str, configured: str, *, ours: bool = False) -> bool:
    """Whether two references are to one version, whatever registry it comes from.

    A cluster's admission may lead to a mirror, which keeps tag and digest. It may also add the digest, or put it in the
    place of the tag: then only who has set the image tells such a reference from another version.

    Args:
        reference: as the pods have it.
        configured: as the stack has it.
        ours: whether nobody but this program has set the image.
    """
    one, other = parsed(reference), parsed(configured)
    if ours and one.digest and not one.tag and not other.digest:
        return True
    if one.digest and other.digest:
        return one.digest == other.digest
    return one.tag == other.tag if other.tag else one.digest == other.digest


def versions(running: Iterable[Running], repository: str | None = None) -> str:
    """The versions that run, the most frequent first; of another repository than this one by the whole reference."""
    ordered = sorted(running, key=lambda one: (-one.pods, one.reference))
    names = (
        one.image.version if repository is None or one.image.repository == repository else one.reference
        for one in ordered
    )
    return ", ".join(dict.fromkeys(names))


def configured_tag(service: ServiceSettings, track: Track) -> str | None:
    """The tag that the stack has for a track; None for a colour that has none, and no pods."""
    return service.tag if track is Track.ROLLOUT else service.colour(Colour(track)).tag


def configured_image(service: ServiceSettings, track: Track) -> str | None:
    """The reference that the stack has for a track; None for a colour without a tag."""
    tag = configured_tag(service, track)
    return None if tag is None else f"{service.image}:{tag}"
