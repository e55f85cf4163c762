"""kwokctl's configuration and options for one control plane, as pure functions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devtools.sandbox.nodes import SIMULATED
from devtools.sandbox.slots import Slot
from devtools.sandbox.stages import stages
from devtools.toolchain.paths import binary

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")
"""The components that kwokctl starts. Lists of ports have this order."""


def configuration(ports: Sequence[int], pki: Path, slot: Slot | None) -> list[dict[str, Any]]:
    """Documents of kwokctl's configuration file: extra arguments of the components, and the simulated kubelets' life.

    Args:
        ports: a free port for each component.
        pki: directory in which kwokctl generates the cluster's certificates.
        slot: slot of the real nodes, which reach the API server at the host address of the slot; None without them.
    """
    # In a file, because kwokctl 0.8 panics when two components have several --extra-args each.
    patches = [
        {"name": component, "extraArgs": [{"key": key, "value": value} for key, value in values.items()]}
        for component, values in _arguments(ports, pki, slot).items()
    ]
    head = {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokctlConfiguration"}
    return [head | {"componentsPatches": patches}, *stages()]


def _arguments(ports: Sequence[int], pki: Path, slot: Slot | None) -> dict[str, dict[str, str]]:
    etcd = f"http://127.0.0.1:{ports[0]}"
    api_server = {"service-cluster-ip-range": "10.96.0.0/12"}
    if slot is None:
        # All components listen on the loopback interface, so that other machines cannot reach a sandbox.
        api_server |= {"bind-address": "127.0.0.1"}
    else:
        # The components use 127.0.0.1, the kubelets the bridge, and only one address can be configured.
        # Clients need a certificate of this sandbox's certificate authority.
        api_server |= {
            "bind-address": "0.0.0.0",  # noqa: S104
            "advertise-address": slot.host_address,
            "kubelet-client-certificate": str(pki / "admin.crt"),
            "kubelet-client-key": str(pki / "admin.key"),
            "kubelet-preferred-address-types": "InternalIP",
        }
    # There is one of each. With a leader election, one that starts after a crash would wait 15 s for its predecessor's
    # lease to expire, while everything looks ready and no endpoints or pods are created.
    alone = {"bind-address": "127.0.0.1", "leader-elect": "false"}
    return {
        "etcd": {
            "listen-client-urls": etcd,
            "advertise-client-urls": etcd,
            "listen-peer-urls": "http://127.0.0.1:0",
            # This is durable enough for a sandbox, and a start or a burst of writes does not wait for the disk.
            "unsafe-no-fsync": "true",
        },
        "kube-apiserver": api_server,
        "kube-controller-manager": alone,
        "kube-scheduler": alone,
        "kwok-controller": {
            "server-address": f"127.0.0.1:{ports[4]}",
            "cidr": "192.168.0.0/16",
            # By default kwokctl simulates all nodes, but real nodes must not be simulated.
            "manage-all-nodes": "false",
            "manage-nodes-with-annotation-selector": ",".join(f"{key}={value}" for key, value in SIMULATED.items()),
        },
    }


def options(ports: Sequence[int], kubeconfig: Path) -> list[str]:
    """Options of ``kwokctl create cluster``.

    Args:
        ports: a free port for each component.
        kubeconfig: file to which kwokctl may write, so that it does not change the user's own.
    """
    options_ = [
        *("--runtime", "binary", "--heartbeat-factor", "1", "--kubeconfig", str(kubeconfig)),
        *("--etcd-port", str(ports[0]), "--kube-apiserver-port", str(ports[1])),
        *("--kube-controller-manager-port", str(ports[2]), "--kube-scheduler-port", str(ports[3])),
        *("--controller-port", str(ports[4]), "--kwok-controller-binary", str(binary("kwok"))),
    ]
    for component in COMPONENTS[:4]:
        options_ += [f"--{component}-binary", str(binary(component))]
    return options_
