"""The watch of a release by a real Prometheus, which the API server reaches as a Service of the cluster.

The pods are on a node whose kubelet is a fake, and their metrics are made up. The user has the rights that
`switchyard rbac` prints, and no others.
"""

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from devtools.sandbox import Sandbox
from devtools.sandbox.prometheus import prometheus_process
from switchyard.analysis_errors import PrometheusError
from switchyard.codes import Code
from switchyard.config.cluster_address import service_address
from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.kube.access import ClusterAccess
from switchyard.kube.prometheus import Prometheus
from switchyard.manifests.rbac import ROLE, roles
from switchyard.release.watch import watch as watch_module
from switchyard.release.watch.samples import Counts, counts_of
from switchyard.release.watch.scraped import query, scrapes
from switchyard.release.watch.verdict import Outcome, Verdict
from switchyard.release.watch.watch import Start, start_of, watch
from tests.support.answering_pods import NODE, FakeKubelet
from tests.support.exporter import Exporter, Traffic
from tests.support.kubectl import SECONDS, Kubectl
from tests.support.service_accounts import kubeconfig_of
from tests.support.shared import fresh_namespace

HOSTS = [
    address.address
    for addresses in psutil.net_if_addrs().values()
    for address in addresses
    if address.family.name == "AF_INET" and not address.address.startswith("127.")
]
pytestmark = pytest.mark.skipif(
    not HOSTS, reason="the API server's proxy reaches no loopback address, and here is no other"
)

USER = "releaser"
IDLE, GOOD = Traffic(rate=2), Traffic(rate=300)
PODS = 2


@dataclass(frozen=True)
class Watched:
    """Green pods of service `backend`, and what scrapes them.

    Attributes:
        kubectl: kubectl in the namespace of the pods.
        monitoring: kubectl in the namespace of Prometheus.
        access: access of the user with the printed roles.
        settings: settings of the service.
        exporter: exporter of the pods' metrics, by the names of the pods.
        pods: names of the pods.
        process: process of Prometheus.
    """

    kubectl: Kubectl
    monitoring: Kubectl
    access: ClusterAccess
    settings: BlueGreenSettings
    exporter: Exporter
    pods: list[str]
    process: "subprocess.Popen[bytes]"

    def send(self, traffic: Traffic) -> None:
        """Lets each pod have this traffic from now on."""
        for pod in self.pods:
            self.exporter.set(pod, traffic)

    async def judged(self, switched: Callable[[], None], on_tick: Callable[[Verdict], None]) -> Verdict:
        """The verdict of a watch that begins before a switch, with little traffic until then."""
        self.send(IDLE)
        await self.scraped()
        start = await start_of(self.access, "backend", self.settings, Track.GREEN)
        assert start.new.problem == ""
        switched()
        return await watch(self.access, "backend", self.settings, on_tick, track=Track.GREEN, start=start)

    async def denied(self) -> Start:
        """Both colours as a user reads them who has lost a right, which the API server learns a moment later."""
        async with asyncio.timeout(SECONDS):
            while True:
                start = await start_of(self.access, "backend", self.settings, Track.GREEN)
                if start.new.problem:
                    return start
                await asyncio.sleep(0.1)

    async def scraped(self) -> None:
        """Waits until Prometheus has samples of every pod that are newer than now."""
        url, now = str(self.settings.release.watch.prometheus), time.time()
        asked = Prometheus(url, await self.access.api())
        wanted = query(self.settings.release.watch, self.settings.namespace, self.pods)
        async with asyncio.timeout(SECONDS):
            while True:
                with suppress(PrometheusError):  # a right that was just given back
                    found = scrapes(await asked.ask(wanted), self.settings.release.watch)
                    if {pod for pod, each in found.items() if each[0].taken > now} == set(self.pods):
                        return
                await asyncio.sleep(0.2)  # Prometheus tells nobody of a new sample


@pytest.fixture(scope="module")
def watched(
    sandbox: Sandbox, exporter: Exporter, scraping: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("watched")
    with fresh_namespace(sandbox) as kubectl, fresh_namespace(sandbox) as monitoring, FakeKubelet(kubectl):
        kubectl.apply(deployment(kubectl.namespace))
        [job] = scraping["scrape_configs"]
        relabelled = [
            {"source_labels": ["rollouts_pod_template_hash"], "target_label": "pod"},
            {"target_label": "namespace", "replacement": kubectl.namespace},
        ]
        scraped = {**scraping, "scrape_configs": [{**job, "metric_relabel_configs": relabelled}]}
        with prometheus_process(directory, scraped, HOSTS[0]) as (address, process):
            port = int(address.rpartition(":")[2])
            as_a_service(monitoring, HOSTS[0], port)
            url = f"http://prometheus.{monitoring.namespace}:{port}"
            access = permitted(kubectl, url, directory)
            kubectl.wait("condition=Available", "deployment/backend-green")
            pods = [pod["metadata"]["name"] for pod in kubectl.pods("green")]
            service = settings(kubectl.namespace, url)
            watched = Watched(kubectl, monitoring, access, service, exporter, pods, process)
            watched.send(IDLE)
            asyncio.run(watched.scraped())
            yield watched
        kubectl.run("delete", "clusterrolebinding,clusterrole", kubectl.namespace)
        monitoring.run("delete", "pod", "prometheus", "--force", "--grace-period=0")  # no kubelet ends it


def settings(namespace: str, url: str) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(
        {
            "image": "ghcr.io/org/backend",
            "namespace": namespace,
            "active": "green",
            "blue": {"tag": "v1.0.0"},
            "green": {"tag": "v2.0.0", "replicas": PODS},
            "release": {"watch": {"seconds": 8, "prometheus": url, "maxSampleAgeSeconds": 5}},
        }
    )


def deployment(namespace: str) -> dict[str, Any]:
    """Green pods on the node whose kubelet is a fake."""
    labels = {"app": "backend", "version": "green"}
    pod = {
        "containers": [{"name": "app", "image": "ghcr.io/org/backend:v2.0.0"}],
        "nodeName": NODE,
        "tolerations": [{"operator": "Exists"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "backend-green", "namespace": namespace},
        "spec": {
            "replicas": PODS,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def as_a_service(kubectl: Kubectl, host: str, port: int) -> None:
    """Gives a process of this machine the name of a Service in the cluster.

    The API server's proxy reaches addresses of pods alone, so that there is a pod with the address of the machine.
    """
    labels, metadata = {"app": "prometheus"}, {"name": "prometheus", "namespace": kubectl.namespace}
    container = {"name": "prometheus", "image": "quay.io/prometheus/prometheus:v3.0.0"}
    pod = {"nodeName": NODE, "containers": [container], "tolerations": [{"operator": "Exists"}]}
    kubectl.wait("create", "serviceaccount/default")  # without which no pod is let in
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "labels": labels}, "spec": pod})
    ready = [{"type": kind, "status": "True"} for kind in ("Initialized", "ContainersReady", "Ready")]
    status = {"phase": "Running", "podIP": host, "podIPs": [{"ip": host}], "conditions": ready}
    kubectl.run("patch", "pod", "prometheus", "--subresource=status", "-p", json.dumps({"status": status}))
    spec = {"selector": labels, "ports": [{"port": port}]}
    kubectl.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    kubectl.wait("create", "endpoints/prometheus")
    kubectl.wait("jsonpath={.subsets[0].addresses[0].ip}", "endpoints/prometheus")


def permitted(kubectl: Kubectl, url: str, directory: Any) -> ClusterAccess:
    """A user with the roles that are printed for the service and its Prometheus."""
    address = service_address(url)
    assert address is not None
    cluster_role, *in_namespaces = roles([kubectl.namespace], prometheus=[address])
    cluster_role["metadata"]["name"] = kubectl.namespace  # of this module alone
    kubectl.run("create", "serviceaccount", USER)
    account = f"--serviceaccount={kubectl.namespace}:{USER}"
    kubectl.apply(cluster_role)
    kubectl.run("create", "clusterrolebinding", kubectl.namespace, f"--clusterrole={kubectl.namespace}", account)
    assert [role["metadata"]["namespace"] for role in in_namespaces] == [kubectl.namespace, address.namespace]
    for role in in_namespaces:
        kubectl.run("apply", "-n", role["metadata"]["namespace"], "-f", "-", stdin=json.dumps(role))
        kubectl.run("create", "rolebinding", USER, f"--role={ROLE}", account, "-n", role["metadata"]["namespace"])
    return ClusterAccess(str(kubeconfig_of(kubectl, USER, directory)))


def test_without_the_printed_role_the_message_names_the_right(watched: Watched) -> None:
    kubectl, namespace = watched.kubectl, watched.monitoring.namespace
    watched.monitoring.run("delete", "rolebinding", USER)
    try:
        start = asyncio.run(watched.denied())
    finally:
        account = f"--serviceaccount={kubectl.namespace}:{USER}"
        watched.monitoring.run("create", "rolebinding", USER, f"--role={ROLE}", account)
    assert [pod.name for pod in start.new.pods] == sorted(watched.pods)
    assert start.new.series == {}
    assert f"may not get services/proxy in namespace {namespace}" in start.new.problem
    assert "`get` on services/proxy of prometheus:" in start.new.problem


def test_the_past_of_the_old_colour_has_no_fault_from_before_its_beginning(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "PAST_SECONDS", 3)

    async def until_the_outage_is_past() -> tuple[Start, Start]:
        """The start of a release to blue during an outage of green, and once it has been over for a while."""
        watched.send(Traffic(rate=100, failing=1))
        during = await started(lambda past: past.failed > 0)
        watched.send(GOOD)
        return during, await started(lambda past: past.requests > 0 and not past.failed)

    async def started(has_come: Callable[[Counts], bool]) -> Start:
        async with asyncio.timeout(SECONDS):
            while True:
                start = await start_of(watched.access, "backend", watched.settings, Track.BLUE)
                if has_come(start.past):
                    return start
                await asyncio.sleep(0.2)  # Prometheus tells nobody of a new sample

    during, after = asyncio.run(until_the_outage_is_past())
    counted = [counts_of(series, watched.settings.release.watch) for series in after.old.series.values()]
    assert sum(counts.failed for counts in counted) >= during.past.failed > 0, (
        "the pods still have it in their counters"
    )
    assert after.past.requests < sum(counts.requests for counts in counted)


def test_a_bad_version_is_condemned_through_prometheus(watched: Watched) -> None:
    bad = Traffic(rate=100, failing=0.2)
    verdict = asyncio.run(watched.judged(lambda: watched.send(bad), lambda _: None))
    print(f"{verdict.seconds:.1f} s: {verdict.sentence}")
    assert (verdict.outcome, verdict.code) == (Outcome.BREACH, Code.NEW_VERSION_WORSE)
    assert "requests (" in verdict.sentence
    assert "failed, and 0.1 % is accepted" in verdict.sentence
    assert verdict.seconds < watched.settings.release.watch.seconds


def test_a_prometheus_that_dies_while_it_watches_is_no_success(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "SILENT_SECONDS", 2.0)
    ticks: list[Verdict] = []

    def kill_once_it_would_pass(verdict: Verdict) -> None:
        ticks.append(verdict)
        if verdict.outcome is Outcome.PASS:
            watched.process.kill()

    verdict = asyncio.run(watched.judged(lambda: watched.send(GOOD), kill_once_it_would_pass))
    print(f"{verdict.seconds:.1f} s: {verdict.sentence}")
    assert Outcome.PASS in [tick.outcome for tick in ticks], "it was not killed"
    assert watched.process.wait(SECONDS) != 0
    assert (verdict.outcome, verdict.code) == (Outcome.UNDECIDED, Code.PROMETHEUS_UNREADABLE)
    assert f"Prometheus ({watched.settings.release.watch.prometheus}, through the API server)" in verdict.sentence
    assert "connection refused" in verdict.sentence
