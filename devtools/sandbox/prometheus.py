"""A Prometheus beside a sandbox, built from its pinned module."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from devtools.sandbox.host import free_ports
from devtools.toolchain.paths import binary
from switchyard.config.models.canary import Analysis

HASH_LABEL = Analysis().hash_label

READY_SECONDS = 60
"""Time limit for the start, seconds. It takes about a second."""

POLL_SECONDS = 0.1

LOOPBACK = "127.0.0.1"

PORT = 9090
"""Port of the Prometheus beside the sandbox of stack `local`."""


def scraping(kubeconfig: Path) -> dict[str, Any]:
    """Configuration that scrapes the pods of services, with labels that distinguish the two versions of a Rollout."""
    pod = "__meta_kubernetes_pod_"
    return {
        "global": {"scrape_interval": "5s"},
        "scrape_configs": [
            {
                "job_name": "services",
                "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": str(kubeconfig)}],
                "relabel_configs": [
                    {"source_labels": [f"{pod}container_port_name"], "regex": "http", "action": "keep"},
                    {"source_labels": [f"{pod}phase"], "regex": "Running", "action": "keep"},
                    {"source_labels": [f"{pod}label_rollouts_pod_template_hash"], "target_label": HASH_LABEL},
                    {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
                    {"source_labels": [f"{pod}name"], "target_label": "pod"},
                ],
            }
        ],
    }


@contextmanager
def prometheus(directory: Path, configuration: Mapping[str, Any], port: int | None = None) -> Iterator[str]:
    """Runs Prometheus on the loopback interface while the block runs; yields its address.

    Args:
        directory: directory for configuration, data and log; files of an earlier start stay.
        configuration: content of `prometheus.yml`.
        port: None for a free one.

    Raises:
        TimeoutError: it does not get ready.
    """
    with prometheus_process(directory, configuration, LOOPBACK, port) as (address, _):
        yield address


@contextmanager
def prometheus_process(
    directory: Path, configuration: Mapping[str, Any], host: str, port: int | None = None
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Runs Prometheus at an address of this machine; yields the address and the process, which a test may kill."""
    [port] = free_ports(1) if port is None else [port]
    directory.mkdir(exist_ok=True)
    file = directory / "prometheus.yml"
    file.write_text(yaml.safe_dump(dict(configuration)))
    command = [str(binary("prometheus")), f"--config.file={file}", f"--storage.tsdb.path={directory / 'data'}"]
    command += [f"--web.listen-address={host}:{port}", "--log.level=warn"]
    address, log = f"http://{host}:{port}", directory / "prometheus.log"
    with log.open("a") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait(f"{address}/-/ready", process, log)
            yield address, process
        finally:
            process.terminate()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    limit = time.monotonic() + READY_SECONDS
    with httpx.Client(trust_env=False, timeout=1) as client:
        while time.monotonic() < limit and process.poll() is None:
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
            time.sleep(POLL_SECONDS)
    raise TimeoutError(f"Prometheus is not ready: {log.read_text()[-500:]}")
