"""Image references: parsed, compared with the configuration, and reported."""

import pytest

from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.kube.images import Image, Running, configured_image, digest_of, parsed, same_version, versions

DIGEST = "sha256:" + "9" * 64


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("ghcr.io/org/backend:v1.0.0", Image("ghcr.io/org/backend", "v1.0.0")),
        ("registry:5000/backend", Image("registry:5000/backend")),
        ("registry:5000/org/backend:v1", Image("registry:5000/org/backend", "v1")),
        ("backend", Image("backend")),
        (f"org/backend@{DIGEST}", Image("org/backend", None, DIGEST)),
        (f"registry:5000/org/backend:v1@{DIGEST}", Image("registry:5000/org/backend", "v1", DIGEST)),
    ],
)
def test_an_image_reference_is_parsed(reference: str, image: Image) -> None:
    assert parsed(reference) == image


@pytest.mark.parametrize(
    ("reference", "configured", "same"),
    [
        ("org/backend:v1", "org/backend:v1", True),
        ("mirror/org/backend:v1", "org/backend:v1", True),
        ("org/backend:v9", "org/backend:v1", False),
        ("org/backend", "org/backend:v1", False),
        (f"org/backend:v1@{DIGEST}", "org/backend:v1", True),
        (f"org/backend@{DIGEST}", f"org/backend:v1@{DIGEST}", True),
        (f"org/backend:v1@{DIGEST}", "org/backend:v1@sha256:0", False),
        (f"org/backend@{DIGEST}", "org/backend:v1", False),
    ],
)
def test_a_mirror_has_the_same_version_and_another_tag_has_not(reference: str, configured: str, *, same: bool) -> None:
    assert same_version(reference, configured) is same


def test_a_digest_in_the_place_of_the_tag_is_the_same_version_where_nobody_else_has_set_it() -> None:
    assert same_version(f"org/backend@{DIGEST}", "org/backend:v1", ours=True)
    assert not same_version(f"org/backend@{DIGEST}", "org/backend:v1@sha256:0", ours=True)
    assert not same_version("org/backend:v9", "org/backend:v1", ours=True)


def test_a_digest_is_what_was_pulled_and_not_a_number_of_the_runtime() -> None:
    assert digest_of(f"ghcr.io/org/backend@{DIGEST}") == DIGEST
    assert digest_of(f"docker-pullable://ghcr.io/org/backend@{DIGEST}") == DIGEST
    assert digest_of(DIGEST) is None
    assert digest_of("") is None


def test_mixed_versions_are_all_reported_the_most_frequent_first() -> None:
    running = [Running("org/backend:v1", None, 1, 1), Running("org/backend:v2", None, 3, 0)]
    assert versions(running) == "v2, v1"
    assert versions([Running("mirror/org/backend:v1", None, 1, 1)], "org/backend") == "mirror/org/backend:v1"
    assert versions([]) == ""


def test_a_colour_without_a_tag_has_no_image() -> None:
    service = BlueGreenSettings.model_validate(
        {"image": "org/backend", "active": "blue", "blue": {"tag": "v1", "replicas": 3}}
    )
    assert configured_image(service, Track.BLUE) == "org/backend:v1"
    assert configured_image(service, Track.GREEN) is None


@pytest.mark.parametrize("tag", ["v1", "v1@sha256:9f86", "@sha256:9f86"])
def test_an_image_has_its_tag_and_digest_as_they_are_configured(tag: str) -> None:
    joined = f"ghcr.io:443/org/backend{tag}" if tag.startswith("@") else f"ghcr.io:443/org/backend:{tag}"
    assert parsed(joined).configured == tag
