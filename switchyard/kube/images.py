"""References of the images that pods run: pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass

from switchyard.config.models.service import Colour, ServiceSettings, Track


@dataclass(frozen=True)
class Image:
    """The parts of a reference to an image.

    Attributes:
        repository: registry and name, for example ``ghcr.io/org/backend``.
        tag: tag of the reference; None without one.
        digest: digest of the reference, for example ``sha256:9f86...``; None without one.
    """

    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def version(self) -> str:
        """The tag; without a tag the digest, and without both the runtime's default tag."""
        return self.tag or self.digest or "latest"

    @property
    def configured(self) -> str:
        """Tag and digest as the settings have them: ``v1``, ``@sha256:9f86...`` or ``v1@sha256:9f86...``."""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.tag or ''}{digest}" or "latest"


@dataclass(frozen=True)
class Running:
    """Pods that run the same image.

    Attributes:
        reference: reference of the image, as the pods have it.
        digest: digest of the pulled image; None while the runtime has not reported it, or without a digest.
        pods: number of these pods.
        ready: number of these pods that are ready.
    """

    reference: str
    digest: str | None
    pods: int
    ready: int

    @property
    def image(self) -> Image:
        """The parts of the reference."""
        return parsed(self.reference)


def parsed(reference: str) -> Image:
    """Splits a reference into its parts. A colon before the last slash belongs to the registry's port."""
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

    A cluster's admission may rewrite an image to a mirror, which keeps tag and digest. It may also add the digest, or
    replace the tag by it: only the field manager of the image distinguishes such a reference from another version.

    Args:
        reference: reference of the image in the pods.
        configured: reference of the image in the stack.
        ours: whether this program is the only field manager of the image.
    """
    image, wanted = parsed(reference), parsed(configured)
    if ours and image.digest and not image.tag and not wanted.digest:
        return True
    if image.digest and wanted.digest:
        return image.digest == wanted.digest
    return image.tag == wanted.tag if wanted.tag else image.digest == wanted.digest


def versions(running: Iterable[Running], repository: str | None = None) -> str:
    """The versions that run, the most frequent first. An image of another repository is named in full."""
    ordered = sorted(running, key=lambda image: (-image.pods, image.reference))
    names = (
        image.image.version if repository is None or image.image.repository == repository else image.reference
        for image in ordered
    )
    return ", ".join(dict.fromkeys(names))


def configured_tag(service: ServiceSettings, track: Track) -> str | None:
    """The tag that the stack has for a track; None for a colour that has none, and no pods."""
    return service.tag if track is Track.ROLLOUT else service.colour(Colour(track)).tag


def configured_image(service: ServiceSettings, track: Track) -> str | None:
    """The reference that the stack has for a track; None for a colour without a tag."""
    tag = configured_tag(service, track)
    return None if tag is None else f"{service.image}:{tag}"
