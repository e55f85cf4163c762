"""Stack `staging` with a load balancer that switches: its preview, which is as far as the fake providers go."""

import json
from pathlib import Path

from tests.integration.rehearsal.whole import whole


def test_the_ingress_comes_before_the_idle_colour_and_a_first_preview_does_not_ask_aws(
    tmp_path: Path,
) -> None:
    with whole(tmp_path, "staging") as staging:
        staging.stack.set("services.backend.switchEngine", "albWeights")
        steps = json.loads(staging.stack.run("preview", "--json", check=True).output)["steps"]
    states = {(urn := step["urn"]).split("$")[-1]: step["newState"] | {"urn": urn} for step in steps}
    ingress = states["kubernetes:networking.k8s.io/v1:Ingress::load-balancer-backend"]
    before = {urn.rpartition("::")[2] for urn in ingress["dependencies"]}
    assert {"backend", "load-balancer.group"} <= before
    assert "backend-green" not in {urn.split("::")[-1] for urn in ingress["dependencies"] if "Deployment" in urn}
    idle = states["kubernetes:apps/v1:Deployment::backend-green"]
    assert ingress["urn"] in idle["dependencies"]
    assert ingress["urn"] not in states["kubernetes:apps/v1:Deployment::backend-blue"]["dependencies"]
    assert states["kubernetes:core/v1:Service::backend-green"]["inputs"]["spec"]["type"] == "NodePort"
