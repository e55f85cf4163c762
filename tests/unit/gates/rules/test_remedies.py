"""The commands that gates print are commands that the settings take."""

import re
from pathlib import Path

from switchyard.config.loader import load
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.validation.services import SERVICES
from switchyard.gates.rules.remedies import setting, without
from tests.support.configuration import BACKEND, EXISTING
from tests.support.remedies import commands, pasted

GATES = Path(__file__).resolve().parents[4] / "switchyard" / "gates"
CALL = re.compile(r"setting\(name, f?[\"']([^\"']+)[\"'], ([^)]+)\)")
VALUES = {
    "DEFAULTS[field]": "Cluster",
    "service.canary.traffic": "replicas",
    "services[0]": "backend",
    "others[0]": 8080,
    "wanted": 3,
    "tag": "2.0",
    "str(serving": "green",
}
PATHS = {
    "{idle[0]}.replicas": "blue.replicas",
    "service.{field}": "service.internalTrafficPolicy",
    "service.{policy}": "service.internalTrafficPolicy",
    "to.replicas_key": "replicas",
    "track.replicas_key": "replicas",
}


def test_every_command_of_a_gate_is_one_that_the_settings_take() -> None:
    calls = [call for path in sorted(GATES.rglob("*.py")) for call in CALL.findall(path.read_text())]
    assert len(calls) >= 12
    for key, written in calls:
        value = VALUES.get(written.partition(",")[0].strip("\"'"), written.strip("\"'"))
        value = {"True": True, "False": False, "0": 0}.get(str(value), value)
        value = {"SwitchEngine.ALB_TARGETS": "albTargets", "SwitchEngine.ALB_WEIGHTS": "albWeights"}.get(
            str(value), value
        )
        [command] = commands(setting("backend", PATHS.get(key, key), value, text=isinstance(value, str)))
        colours = {colour: {"tag": "v1.0.0", "replicas": 3} for colour in ("blue", "green")}
        service = BACKEND | colours | {"tag": "v1.0.0"}
        if key.startswith("autoscaling."):
            service |= {"autoscaling": {"min": 1, "max": 2}}
        after = pasted(command, {CLUSTER: EXISTING, SERVICES: {"backend": service}})[SERVICES]["backend"]
        if after.get("switchEngine") is None and after["blue"]["replicas"]:
            assert load(EXISTING, {"backend": after}, "test"), command


def test_a_key_is_taken_out_by_its_path() -> None:
    assert without("backend", "canary.istio.gateways") == (
        "`pulumi config rm --path 'switchyard:services.backend.canary.istio.gateways'`"
    )


def test_no_remedy_names_a_key_with_words_where_a_command_would_do() -> None:
    prose = re.compile(r"[Ss]et services\.\{name\}\S+ to (?!it)|services\.\{name\}\.\S+: \w")
    by_file = {str(path): prose.findall(path.read_text()) for path in GATES.rglob("*.py")}
    assert {name: hits for name, hits in by_file.items() if hits} == {}
