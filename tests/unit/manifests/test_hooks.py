"""The Job of a hook, by value."""

from typing import Any

import pytest

from switchyard.config.models.hooks import Hook, HookPoint
from switchyard.config.models.service import Colour
from switchyard.manifests.hooks import HookContext, hook_job, job_name
from switchyard.manifests.labels import selector
from tests.support.observed import settings

CONTEXT = HookContext("backend", "backend", "20300131120000-a1b2c3", HookPoint.BEFORE_WARM, "v1", "v2", "green")


def job(own: dict[str, Any] | None = None, context: HookContext = CONTEXT, **service: Any) -> dict[str, Any]:
    hook = Hook.model_validate({"name": "expand-schema", "job": own or {}, "timeoutSeconds": 120})
    assert hook.job is not None
    return hook_job(hook, hook.job, context, settings(**service))


def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return spec


def test_a_job_runs_once_and_ends_in_its_time() -> None:
    manifest = job()
    spec = {key: value for key, value in manifest["spec"].items() if key != "template"}
    assert spec == {
        "backoffLimit": 0,
        "completions": 1,
        "parallelism": 1,
        "activeDeadlineSeconds": 120,
        "ttlSecondsAfterFinished": 7 * 86400,
    }
    assert pod(manifest)["restartPolicy"] == "Never"
    assert (manifest["apiVersion"], manifest["kind"], manifest["metadata"]["namespace"]) == (
        "batch/v1",
        "Job",
        "default",
    )


def test_its_name_is_that_of_the_service_the_hook_and_the_release() -> None:
    name = job()["metadata"]["name"]
    assert name.startswith("backend-expand-schema-")
    assert name == job_name(CONTEXT, "expand-schema")
    others = {
        job_name(CONTEXT, "contract"),
        job_name(HookContext("backend", "backend", "other", CONTEXT.point, None, "v2", "green"), "expand-schema"),
        job_name(HookContext("shop", "shop", CONTEXT.release, CONTEXT.point, None, "v2", "green"), "expand-schema"),
    }
    assert len({name, *others}) == 4
    long = job_name(HookContext("s" * 55, "s" * 55, "id", CONTEXT.point, None, "v2", "green"), "h" * 63)
    assert len(long) == 63


def test_its_pod_is_selected_by_no_service_and_named_by_release_and_hook() -> None:
    manifest = job()
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    assert labels == manifest["metadata"]["labels"]
    assert "app" not in labels
    for colour in Colour:
        assert not selector("backend", colour).items() <= labels.items()
    assert (labels["switchyard/release"], labels["switchyard/hook"]) == (CONTEXT.release, "expand-schema")


def test_it_knows_the_release() -> None:
    environment = {item["name"]: item["value"] for item in pod(job())["containers"][0]["env"]}
    assert environment == {
        "SWITCHYARD_SERVICE": "backend",
        "SWITCHYARD_RELEASE": CONTEXT.release,
        "SWITCHYARD_FROM_TAG": "v1",
        "SWITCHYARD_TAG": "v2",
        "SWITCHYARD_COLOUR": "green",
    }


def test_its_image_is_that_of_the_version_unless_another_one_is_named() -> None:
    assert pod(job())["containers"][0]["image"] == "org/backend:v2"
    assert pod(job({"image": "org/migrate:v7"}))["containers"][0]["image"] == "org/migrate:v7"


def test_it_has_its_command_its_variables_and_the_volumes_that_it_mounts() -> None:
    own = {
        "command": ["migrate"],
        "args": ["--to=$(SWITCHYARD_TAG)"],
        "env": {"LEVEL": "info", "TARGET": "$(SWITCHYARD_TAG)"},
        "secretEnv": {"TOKEN": {"secret": "db", "key": "token"}},
        "envFrom": [{"configMap": "backend-config"}],
        "mounts": [{"volume": "config", "path": "/etc/backend", "readOnly": True}],
    }
    volumes = {name: {"configMap": {"name": name}} for name in ("config", "other")}
    manifest = pod(job(own, volumes=volumes))
    [container] = manifest["containers"]
    assert (container["command"], container["args"]) == (["migrate"], ["--to=$(SWITCHYARD_TAG)"])
    names = [item["name"] for item in container["env"]]
    assert names.index("SWITCHYARD_TAG") < names.index("TARGET")
    [secret] = [item for item in container["env"] if item["name"] == "TOKEN"]
    assert secret["valueFrom"] == {"secretKeyRef": {"name": "db", "key": "token"}}
    assert container["envFrom"] == [{"configMapRef": {"name": "backend-config"}}]
    assert [volume["name"] for volume in manifest["volumes"]] == ["tmp", "config"]
    assert {"name": "config", "mountPath": "/etc/backend", "readOnly": True} in container["volumeMounts"]


def test_it_is_as_restricted_as_the_pods_of_the_service_and_runs_where_they_do() -> None:
    more: dict[str, Any] = {
        "nodeSelector": {"workload": "x"},
        "tolerations": [{"key": "dedicated", "value": "x", "effect": "NoSchedule"}],
        "imagePullSecrets": ["registry"],
    }
    manifest = pod(job(**more))
    assert manifest["securityContext"]["runAsNonRoot"] is True
    assert manifest["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert (manifest["nodeSelector"], manifest["imagePullSecrets"]) == ({"workload": "x"}, [{"name": "registry"}])
    assert manifest["tolerations"][0]["key"] == "dedicated"


@pytest.mark.parametrize(
    ("own", "account", "token"), [({}, "backend", False), ({"serviceAccountName": "migrations"}, "migrations", None)]
)
def test_a_service_account_that_is_named_says_itself_whether_it_has_a_token(
    own: dict[str, Any], account: str, token: bool | None
) -> None:
    manifest = pod(job(own))
    assert (manifest["serviceAccountName"], manifest.get("automountServiceAccountToken")) == (account, token)
