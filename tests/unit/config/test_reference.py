"""The reference page and the JSON schema are those of the settings models, and every key is described."""

import subprocess
import sys
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from switchyard.config import reference
from switchyard.config.json_schema import PAGE, definitions
from switchyard.config.loader import load
from switchyard.config.models.addons import CALICO, LOAD_BALANCER_CONTROLLER, METRICS_SERVER
from switchyard.config.models.base import Model
from switchyard.config.models.nodes import DEFAULT_NODES
from switchyard.config.reference import PROJECT, SCHEMA_FILE, files

HEADER = f"# yaml-language-server: $schema={SCHEMA_FILE}"


def settings_models(model: type[BaseModel] = Model) -> list[type[BaseModel]]:
    # Tools for development have models too, which are no settings of a stack.
    subclasses = [each for each in model.__subclasses__() if each.__module__.startswith("switchyard.")]
    return [model, *(inner for subclass in subclasses for inner in settings_models(subclass))]


@pytest.mark.parametrize("path", [PAGE, SCHEMA_FILE])
def test_reference_is_up_to_date(path: str) -> None:
    generated = files()
    assert generated.keys() == {PROJECT / PAGE, PROJECT / SCHEMA_FILE}
    assert (PROJECT / path).read_text(encoding="utf-8") == generated[PROJECT / path], "run make reference"


def test_a_key_without_a_description_is_named() -> None:
    with pytest.raises(ValueError, match=r"^switchyard:services\.<service>\.note has no description: "):
        reference._entry("switchyard:services.<service>.note", {"type": "string"}, required=False)


@pytest.mark.parametrize("model", settings_models(), ids=str)
def test_every_field_has_a_whole_sentence(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        description = field.description or ""
        wanted = f"{model.__module__}: {model.__name__}.{name} needs a description that is a whole sentence"
        assert description[:1].isupper() or description.startswith("`"), f"{wanted}, not {description!r}"
        assert description.endswith("."), f"{wanted}, not {description!r}"
        assert len(description.split()) > 1, f"{wanted}, not {description!r}"
    assert "Attributes:" not in (model.__doc__ or ""), "the descriptions of the fields are the one place"


def test_page_names_every_key_by_its_path() -> None:
    page = reference.page()
    for definition in definitions().values():
        for key in definition.get("properties", {}):
            assert f".{key}`** (" in page, key
    for path in (
        "switchyard:cluster.network.administrators",
        "switchyard:cluster.loadBalancer.routes.<n>.host",
        "switchyard:services.<service>.canary.steps.<n>.weight",
        "switchyard:services.<service>.volumes.<name>.configMap.items",
        "switchyard:production",
        "switchyard:formerStack",
    ):
        assert f"**`{path}`**" in page
    assert "`switchyard:services.<service>.green`" in page


def test_an_entry_has_type_default_rule_example_and_version() -> None:
    schema: dict[str, Any] = {
        "description": "Seconds between two probes.",
        "type": "integer",
        "minimum": 1,
        "maximum": 3600,
        "default": 10,
        "examples": [5],
        reference.SINCE: "0.2.0",
    }
    assert reference._entry("a.b", schema, required=False) == (
        "- **`a.b`** (integer): Seconds between two probes. Default: `10`. Rule: from 1 to 3600. Example: `5`. "
        "Since 0.2.0."
    )


@pytest.mark.parametrize("stack", ["local", "staging", "production"])
def test_stack_files_name_their_schema(stack: str) -> None:
    file = PROJECT / f"Pulumi.{stack}.yaml"
    assert file.read_text().splitlines()[0] == HEADER
    assert (file.parent / HEADER.partition("=")[2]).is_file()


def test_examples_of_fields_are_taken() -> None:
    config = yaml.safe_load((PROJECT / "Pulumi.staging.yaml").read_text())["config"]
    # Keys whose examples need no other key.
    alone = ("env", "secretEnv", "configEnv", "fieldEnv", "envFrom", "ports", "labels", "service", "dnsConfig")
    properties = definitions()["ServiceSettings"]["properties"]
    for key in alone:
        [example] = properties[key]["examples"]
        service = config["switchyard:services"]["backend"] | {key: example}
        if key == "service":
            service.pop("nodePort")
        load({"kind": "existing"}, {"backend": service}, "test")


def test_messages_of_the_project_file_name_the_page() -> None:
    project = (PROJECT / "Pulumi.yaml").read_text()
    assert PAGE in project
    assert ".py" not in project


def default_models() -> list[BaseModel]:
    defaults: list[Any] = [CALICO, LOAD_BALANCER_CONTROLLER, METRICS_SERVER, *DEFAULT_NODES.values()]
    for model in settings_models():
        for field in model.model_fields.values():
            default = field.get_default(call_default_factory=True, validated_data={})
            defaults += default if isinstance(default, tuple) else [default]
    return [default for default in defaults if isinstance(default, BaseModel)]


def test_defaults_that_are_not_validated_at_import_are_right() -> None:
    defaults = default_models()
    assert len(defaults) > 40
    for default in defaults:
        given = {name: getattr(default, name) for name in default.model_fields_set}
        assert type(default)(**given) == default


def test_import_builds_no_validator() -> None:
    program = (
        "import switchyard.config.loader\n"
        "from switchyard.config.models.base import Model\n"
        "models = Model.__subclasses__()\n"
        "while models:\n"
        "    model = models.pop()\n"
        "    assert not model.__pydantic_complete__, model\n"
        "    models += model.__subclasses__()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PROJECT)
