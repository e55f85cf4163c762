"""A changed ConfigMap or Secret is a new version of the next colour to be warmed, and never of what serves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings, CanarySettings, Colour, ServiceSettings, Track
from switchyard.config.references import Reference, tracked_references
from switchyard.errors import AccessDeniedError, ContentUnreadableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.content import Content, read_content
from switchyard.kube.content_versions import (
    LiveTemplate,
    Wanted,
    annotation,
    colour_versions,
    live_template,
    rollout_versions,
    version_of,
)
from switchyard.manifests import blue_green
from tests.support.full_service import CANARY, TWO_COLOURS

BLUE, GREEN = Track.BLUE, Track.GREEN
KEY = "configmap/config"
OLD, NEW = {KEY: "old"}, {KEY: "new"}
SETTINGS: dict[str, Any] = {
    "image": "org/backend",
    "active": "blue",
    "blue": {"tag": "v1", "replicas": 3},
    "green": {"tag": "v2", "replicas": 0},
    "namespace": "shop",
    "volumes": {"config": {"configMap": {"name": "config"}}},
    "envFrom": [{"secret": "tokens"}],
}


def wanted(*, active: bool = False, replicas: int = 3, image: str = "org/backend:v1") -> Wanted:
    return Wanted({KEY: Reference("ConfigMap", "config")}, image, replicas, active)


def live(versions: dict[str, str], replicas: int = 3, image: str = "org/backend:v1") -> LiveTemplate:
    return LiveTemplate(image, replicas, versions, frozenset({KEY}))


def test_what_serves_keeps_its_version_whatever_changed() -> None:
    for own in (live(OLD), live({})):
        for active in (True, False):  # it may be about to migrate
            versions = colour_versions(wanted(active=active), NEW, own, [own], serves=True)
            assert versions == own.versions


def test_the_idle_colour_gets_the_changed_version_with_and_without_pods() -> None:
    for replicas in (0, 3):
        own = live(OLD, replicas)
        assert colour_versions(wanted(replicas=replicas), NEW, own, [live(OLD)], serves=False) == NEW


def test_a_new_colour_gets_the_current_version() -> None:
    assert colour_versions(wanted(active=True), NEW, None, [], serves=False) == NEW


def test_the_former_colour_keeps_its_version_after_a_switch() -> None:
    # Green was warmed with the new content and serves; blue still runs with the old one, and nothing changed since.
    assert colour_versions(wanted(), NEW, live(OLD), [live(NEW)], serves=False) == OLD
    assert colour_versions(wanted(active=True), NEW, live(OLD), [live(NEW)], serves=False) == OLD


def test_a_switch_does_not_change_the_pods_that_it_goes_to() -> None:
    assert colour_versions(wanted(active=True), NEW, live(OLD), [live(OLD)], serves=False) == OLD


def test_pods_that_start_anyway_get_the_current_version() -> None:
    empty, other = live(OLD, replicas=0), live(OLD, image="org/backend:v0")
    unnamed = LiveTemplate("org/backend:v1", 3, {}, frozenset())
    for own in (empty, other, unnamed):
        assert colour_versions(wanted(active=True), NEW, own, [live(NEW)], serves=False) == NEW


def test_a_missing_object_does_not_change_the_version() -> None:
    assert colour_versions(wanted(), {}, live(OLD), [live(OLD)], serves=False) == OLD
    assert colour_versions(wanted(), {}, None, [], serves=False) == {}
    assert rollout_versions(wanted(), {}, live(OLD)) == OLD


def test_a_rollout_gets_the_current_version() -> None:
    assert rollout_versions(wanted(), NEW, live(OLD)) == NEW


def test_the_version_of_a_config_map_is_of_the_keys_that_are_read() -> None:
    whole, part = Reference("ConfigMap", "c"), Reference("ConfigMap", "c", frozenset({"a"}))
    first = {"metadata": {"resourceVersion": "1"}, "data": {"a": "1", "b": "1"}}
    other = {"metadata": {"resourceVersion": "2"}, "data": {"a": "1", "b": "2"}}
    assert version_of(whole, first) != version_of(whole, other)
    assert version_of(part, first) == version_of(part, other)
    assert version_of(whole, first) != version_of(whole, {"data": {"a": "1"}, "binaryData": {"b": "1"}})
    assert version_of(whole, first) == version_of(whole, first | {"metadata": {"resourceVersion": "9"}})


def test_the_version_of_a_secret_says_nothing_of_its_values() -> None:
    secret = Reference("Secret", "s")
    metadata = {"uid": "u", "resourceVersion": "7"}
    version = version_of(secret, {"metadata": metadata})
    assert version == version_of(secret, {"metadata": metadata, "data": {"password": "aHVudGVyMg=="}})
    assert version != version_of(secret, {"metadata": metadata | {"resourceVersion": "8"}})


def test_an_optional_object_may_be_missing() -> None:
    assert version_of(Reference("ConfigMap", "c", optional=True), None) == "absent"
    assert version_of(Reference("ConfigMap", "c"), None) is None


def test_what_pods_read_is_tracked_as_content_hash_says() -> None:
    service = BlueGreenSettings.model_validate(TWO_COLOURS)
    keys = tracked_references(service, BLUE)
    assert list(keys) == [
        "configmap/backend-ca",
        "configmap/backend-config",
        "configmap/backend-flags",
        "configmap/config-v1",
        "secret/backend-extra",
        "secret/backend-tls",
        "secret/backend-tokens",
    ]
    assert "configmap/green-only" in tracked_references(service, GREEN)
    # Optional for the application, and needed by an init container.
    assert keys["secret/backend-tokens"].optional is False
    every = tracked_references(service.model_copy(update={"content_hash": "all"}), BLUE)
    assert every.keys() - keys.keys() == {"secret/backend-secrets"}
    assert tracked_references(service.model_copy(update={"content_hash": "none"}), BLUE) == {}


def test_a_live_template_tells_its_versions_and_the_objects_that_it_names() -> None:
    service = BlueGreenSettings.model_validate(TWO_COLOURS)
    rendered = blue_green.deployment("shop", Colour.BLUE, service, "configmap/a=1,secret/b=2")
    live_pods = live_template(rendered)
    assert live_pods is not None
    assert live_pods.versions == {"configmap/a": "1", "secret/b": "2"}
    assert annotation(live_pods.versions) == "configmap/a=1,secret/b=2"
    assert tracked_references(service, BLUE).keys() <= live_pods.named
    assert live_pods.replicas == 2


@dataclass
class FakeApi:
    """Has the objects that it is given, by resource and name.

    Attributes:
        objects: what is there.
        asked: resource, name and accepted form of each request.
        error: raised when a Secret is asked for.
    """

    objects: dict[tuple[str, str], Any] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    error: Exception | None = None

    async def find(self, resource: str, name: str, *_: str, headers: Mapping[str, str] = MappingProxyType({})) -> Any:
        self.asked.append((resource, name, headers.get("accept", "")))
        if self.error is not None and resource == "secrets":
            raise self.error
        return self.objects.get((resource, name))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """Blue serves, and both objects are there."""
    fake = FakeApi(
        {
            ("configmaps", "config"): {"data": {"a": "1"}},
            ("secrets", "tokens"): {"metadata": {"uid": "u", "resourceVersion": "1"}},
            ("services", "backend"): {"spec": {"selector": {"app": "backend", "version": "blue"}}},
        }
    )

    async def opened(_: ClusterAccess) -> Any:
        return fake

    monkeypatch.setattr(ClusterAccess, "api", opened)
    return fake


def read(service: ServiceSettings) -> Content | None:
    return read_content({"backend": service}, ClusterAccess()).get("backend")


def annotations(service: ServiceSettings) -> Mapping[Track, str]:
    content = read(service)
    assert content is not None
    return content.annotations


def test_a_service_without_references_asks_for_nothing(api: FakeApi) -> None:
    settings = {key: value for key, value in SETTINGS.items() if key not in {"volumes", "envFrom"}}
    assert read(BlueGreenSettings.model_validate(settings | {"secretEnv": {"A": {"secret": "s", "key": "k"}}})) is None
    assert api.asked == []


def test_a_changed_config_map_is_seen_in_the_idle_colour_alone(api: FakeApi) -> None:
    service = BlueGreenSettings.model_validate(SETTINGS)
    first = annotations(service)
    for colour in Colour:
        rendered = blue_green.deployment("backend", colour, service, first[Track(colour)])
        api.objects["deployments", f"backend-{colour}"] = rendered
    assert annotations(service) == first
    api.objects["configmaps", "config"] = {"data": {"a": "2"}}
    second = annotations(service)
    assert second[BLUE] == first[BLUE] == first[GREEN]
    assert second[GREEN] != first[GREEN]
    assert second[GREEN].partition(",secret/")[2] == first[GREEN].partition(",secret/")[2]


def test_a_switch_to_pods_that_are_older_than_a_change_is_reported(api: FakeApi) -> None:
    warm = SETTINGS | {"green": {"tag": "v2", "replicas": 3}}
    service = BlueGreenSettings.model_validate(warm)
    first = annotations(service)
    for colour in Colour:
        rendered = blue_green.deployment("backend", colour, service, first[Track(colour)])
        api.objects["deployments", f"backend-{colour}"] = rendered
    api.objects["configmaps", "config"] = {"data": {"a": "2"}}
    content = read(BlueGreenSettings.model_validate(warm | {"active": "green"}))
    assert content is not None
    assert content.annotations == first
    [warning] = content.warnings
    assert "backend: green was warmed before configmap/config changed" in warning


def test_only_the_metadata_of_a_secret_is_asked_for(api: FakeApi) -> None:
    annotations(BlueGreenSettings.model_validate(SETTINGS))
    [accepted] = [accept for resource, _, accept in api.asked if resource == "secrets"]
    assert accepted == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def test_a_missing_object_is_reported_and_has_no_version(api: FakeApi) -> None:
    del api.objects["configmaps", "config"]
    config_env = {"configEnv": {"A": {"configMap": "config", "key": "a"}}}
    raw = {"image": "org/backend", "strategy": "canary", "tag": "v1", "namespace": "shop"} | config_env
    content = read(CanarySettings.model_validate(raw))
    assert content is not None
    assert content.annotations == {}
    assert "backend: ConfigMap config is not in namespace shop" in content.warnings[0]


def test_a_denied_secret_is_named_with_the_two_ways_out(api: FakeApi) -> None:
    api.error = AccessDeniedError("get", "secrets/tokens in namespace shop", 403, 'User "ci" cannot get "secrets"')
    with pytest.raises(ContentUnreadableError, match="may not get secrets/tokens in namespace shop") as error:
        read(BlueGreenSettings.model_validate(SETTINGS))
    assert "Grant it" in str(error.value)
    assert "pulumi config set --path 'switchyard:services.backend.contentHash' none" in str(error.value)
    assert "\n" not in str(error.value)


def deploy(api: FakeApi, service: BlueGreenSettings) -> Mapping[Track, str]:
    """Creates the Deployments of a service as an update does, and returns the versions that their templates name."""
    versions = annotations(service)
    for colour in Colour:
        rendered = blue_green.deployment("backend", colour, service, versions.get(Track(colour)))
        api.objects["deployments", f"backend-{colour}"] = rendered
    return versions


def test_versions_that_are_no_longer_counted_change_no_template(api: FakeApi) -> None:
    """`contentHash: none` is the remedy where the objects may not be read, and must not end in a refusal itself."""
    counted = BlueGreenSettings.model_validate(SETTINGS)
    first = deploy(api, counted)
    api.asked.clear()
    api.error = AccessDeniedError("get", "secrets/tokens in namespace shop", 403, "")
    off = BlueGreenSettings.model_validate(SETTINGS | {"contentHash": "none"})
    assert deploy(api, off) == first
    assert {resource for resource, _, _ in api.asked} == {"deployments", "services"}
    off = off.model_copy(update={"env_from": (), "volumes": {}})
    assert read(off) is None  # nothing is read
    # Back again: what serves keeps what its template has, also when an object has changed meanwhile.
    api.error = None
    api.objects["configmaps", "config"] = {"data": {"a": "2"}}
    assert deploy(api, counted)[BLUE] == first[BLUE]


def test_pods_that_start_without_counted_versions_name_none(api: FakeApi) -> None:
    deploy(api, BlueGreenSettings.model_validate(SETTINGS))
    warm = SETTINGS | {"green": {"tag": "v3", "replicas": 3}}
    versions = deploy(api, BlueGreenSettings.model_validate(warm | {"contentHash": "none"}))
    assert versions.keys() == {BLUE}
    # Once green serves, its template stays as it is when versions are counted again.
    api.objects["services", "backend"] = {"spec": {"selector": {"app": "backend", "version": "green"}}}
    assert GREEN not in deploy(api, BlueGreenSettings.model_validate(warm | {"active": "green"}))


def test_a_rollout_keeps_versions_that_are_no_longer_counted_until_its_next_image() -> None:
    off = Wanted({}, "org/backend:v1", 3, active=True, untracked=frozenset({KEY}))
    assert rollout_versions(off, {}, live(OLD)) == OLD
    assert rollout_versions(off, {}, live(OLD, image="org/backend:v0")) == {}


def test_a_canary_with_every_key_reads_its_objects() -> None:
    assert tracked_references(CanarySettings.model_validate(CANARY), Track.ROLLOUT)
