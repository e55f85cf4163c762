"""The pinned versions and the origins of all tools."""

from collections.abc import Callable, Mapping

from devtools.toolchain.tools import Build, Download, Platform, Tool

PULUMI = "3.274.1"
"""The engine. The Python SDK is pinned by itself, in pyproject.toml: no release of it has this version."""

LANGUAGE_HOST = "3.187.0"
"""The language host, which runs the program for the engine, where it is built from source: the newest version that is
available as a Go module. A downloaded engine
brings its own, of the engine's version. Both speak the same protocol and take the same options of Pulumi.yaml."""

KUBERNETES_PROVIDER = "4.25.0"
KUBERNETES = "1.34.1"
ETCD = "3.6.5"
KWOK = "0.8.0"
VEGETA = "12.13.0"
HELM = "3.22.0"
ARGO_ROLLOUTS = "1.10.1"
PROMETHEUS = "3.16.0"
ISTIO = "1.31.4"

HELM_KUBERNETES = "1.37"
"""Version of Kubernetes in Helm's client libraries, for which charts are rendered without a cluster."""

GO = (1, 26)
"""Oldest Go that builds all modules. That of the engine asks for 1.26.6, which an older 1.26 downloads by itself."""


def _github(repository: str, tag: str, asset: str, members: Mapping[str, str] | None = None) -> Download:
    return Download(
        f"https://github.com/{repository}/releases/download/{tag}/{asset}",
        f"https://api.github.com/repos/{repository}/releases/tags/{tag}",
        members or {},
    )


def _pulumi(platform: Platform) -> Download:
    binaries = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
    asset = f"pulumi-v{PULUMI}-{platform.os}-{platform.pulumi_arch}.tar.gz"
    return _github("pulumi/pulumi", f"v{PULUMI}", asset, {name: f"pulumi/{name}" for name in binaries})


def _provider(platform: Platform) -> Download:
    binary = "pulumi-resource-kubernetes"
    asset = f"{binary}-v{KUBERNETES_PROVIDER}-{platform.os}-{platform.arch}.tar.gz"
    return _github("pulumi/pulumi-kubernetes", f"v{KUBERNETES_PROVIDER}", asset, {binary: binary})


def _etcd(platform: Platform) -> Download | None:
    folder = f"etcd-v{ETCD}-{platform.os}-{platform.arch}"
    ending = "zip" if platform.os == "darwin" else "tar.gz"
    return _github("etcd-io/etcd", f"v{ETCD}", f"{folder}.{ending}", {"etcd": f"{folder}/etcd"})


def _kubernetes_server(name: str) -> Callable[[Platform], Download | None]:
    def download(platform: Platform) -> Download | None:
        if platform.os == "darwin" and name != "kubectl":
            return None  # servers are published for Linux only
        url = f"https://dl.k8s.io/v{KUBERNETES}/bin/{platform.os}/{platform.arch}/{name}"
        return Download(url, f"{url}.sha256")

    return download


def _kwok(name: str) -> Callable[[Platform], Download]:
    return lambda platform: _github("kubernetes-sigs/kwok", f"v{KWOK}", f"{name}-{platform.os}-{platform.arch}")


def _vegeta(platform: Platform) -> Download:
    asset = f"vegeta_{VEGETA}_{platform.os}_{platform.arch}.tar.gz"
    return _github("tsenart/vegeta", f"v{VEGETA}", asset, {"vegeta": "vegeta"})


def _helm(platform: Platform) -> Download:
    url = f"https://get.helm.sh/helm-v{HELM}-{platform.os}-{platform.arch}.tar.gz"
    return Download(url, f"{url}.sha256sum", {"helm": f"{platform.os}-{platform.arch}/helm"})


def _argo_rollouts_plugin(platform: Platform) -> Download:
    asset = f"kubectl-argo-rollouts-{platform.os}-{platform.arch}"
    return _github("argoproj/argo-rollouts", f"v{ARGO_ROLLOUTS}", asset)


def _prometheus(platform: Platform) -> Download:
    folder = f"prometheus-{PROMETHEUS}.{platform.os}-{platform.arch}"
    members = {name: f"{folder}/{name}" for name in ("prometheus", "promtool")}
    return _github("prometheus/prometheus", f"v{PROMETHEUS}", f"{folder}.tar.gz", members)


def _kubernetes_tool(name: str, module: str = "kubernetes") -> Tool:
    variables = {
        f"k8s.io/{package}.{variable}": value
        for package in ("component-base/version", "client-go/pkg/version")
        for variable, value in (
            ("gitVersion", f"v{KUBERNETES}"),
            ("gitMajor", KUBERNETES.split(".", maxsplit=1)[0]),
            ("gitMinor", KUBERNETES.split(".")[1]),
        )
    }
    build = Build(module, {name: f"k8s.io/kubernetes/cmd/{name}"}, variables)
    return Tool(name, KUBERNETES, (name,), _kubernetes_server(name), (build,))


def _kwok_tool(name: str) -> Tool:
    build = Build("kwok", {name: f"sigs.k8s.io/kwok/cmd/{name}"})
    return Tool(name, KWOK, (name,), _kwok(name), (build,))


def _helm_tool() -> Tool:
    # Without the second pair, a Helm that is built from source would render charts for Kubernetes 1.20, unlike the
    # release.
    major, minor = HELM_KUBERNETES.split(".")
    variables = {"helm.sh/helm/v3/internal/version.version": f"v{HELM}"} | {
        f"helm.sh/helm/v3/pkg/{package}.k8sVersion{part}": value
        for package in ("chartutil", "lint/rules")
        for part, value in (("Major", major), ("Minor", minor))
    }
    return Tool("helm", HELM, ("helm",), _helm, (Build("helm", {"helm": "helm.sh/helm/v3/cmd/helm"}, variables),))


def _prometheus_tool() -> Tool:
    # A plugin that is built from source has the API and no pages, because those are built with Node.js.
    module, binaries = "github.com/prometheus/prometheus", ("prometheus", "promtool")
    build = Build(
        "prometheus",
        {name: f"{module}/cmd/{name}" for name in binaries},
        {"github.com/prometheus/common/version.Version": PROMETHEUS},
    )
    return Tool("prometheus", PROMETHEUS, binaries, _prometheus, (build,))


def _argo_rollouts_tool(
    name: str, download: Callable[[Platform], Download | None], scripts: tuple[str, ...] = ()
) -> Tool:
    module = "github.com/argoproj/argo-rollouts"
    build = Build(
        "argo-rollouts",
        {name: f"{module}/cmd/{name}"},
        {f"{module}/utils/version.version": ARGO_ROLLOUTS},
        scripts=tuple((module, script) for script in scripts),
    )
    return Tool(name, ARGO_ROLLOUTS, (name, *(script.rpartition("/")[2] for script in scripts)), download, (build,))


TOOLS = (
    Tool("etcd", ETCD, ("etcd",), _etcd, (Build("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),)),
    *(_kubernetes_tool(f"kube-{server}") for server in ("apiserver", "controller-manager", "scheduler")),
    _kubernetes_tool("kubectl"),
    _kwok_tool("kwok"),
    _kwok_tool("kwokctl"),
    Tool(
        "pulumi",
        PULUMI,
        ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"),
        _pulumi,
        (
            Build(
                "pulumi",
                {"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
                {"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": f"v{PULUMI}"},
                scripts=(("github.com/pulumi/pulumi/sdk/v3", "python/cmd/pulumi-language-python-exec"),),
            ),
            Build(
                "pulumi-language-python",
                {"pulumi-language-python": "github.com/pulumi/pulumi/sdk/python/cmd/pulumi-language-python/v3"},
                {"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": f"v{LANGUAGE_HOST}"},
            ),
        ),
    ),
    Tool(
        "pulumi-resource-kubernetes",
        KUBERNETES_PROVIDER,
        ("pulumi-resource-kubernetes",),
        _provider,
        (
            Build(
                "pulumi-resource-kubernetes",
                {"pulumi-resource-kubernetes": "."},
                {"main.Version": KUBERNETES_PROVIDER},
                embedded=(
                    "github.com/pulumi/pulumi-kubernetes/provider/v4",
                    tuple(
                        f"cmd/pulumi-resource-kubernetes/{name}" for name in ("schema.json", "terraform-mapping.json")
                    ),
                ),
            ),
        ),
        plugin=("resource", "kubernetes"),
    ),
)
"""The core, which stack `local` needs. In the order of installation: a plugin after the engine, which takes it in."""

ROLLOUT_CRDS = tuple(
    f"{kind}-crd.yaml"
    for kind in ("rollout", "experiment", "analysis-run", "analysis-template", "cluster-analysis-template")
)
"""Argo's resource definitions, of one version with the controller."""

ISTIO_CRDS = "customresourcedefinitions.gen.yaml"
"""Istio's resource definitions, of which the tests need that of VirtualServices."""

GROUPS: Mapping[str, tuple[Tool, ...]] = {
    "core": TOOLS,
    "nodes": (_kubernetes_tool("kubelet"), _kubernetes_tool("kube-proxy")),
    # A separate module, so that a change of its dependencies does not rebuild all others.
    "ec2": (_kubernetes_tool("kubeadm", "kubeadm"),),
    "traffic": (
        Tool(
            "vegeta",
            VEGETA,
            ("vegeta",),
            _vegeta,
            (Build("vegeta", {"vegeta": "github.com/tsenart/vegeta/v12"}, {"main.Version": f"v{VEGETA}"}),),
        ),
    ),
    "peers": (_helm_tool(),),
    "canary": (
        # The controller is published as an image only, so the controller and its CRDs always come from the module.
        _argo_rollouts_tool(
            "rollouts-controller", lambda _: None, tuple(f"manifests/crds/{file}" for file in ROLLOUT_CRDS)
        ),
        _argo_rollouts_tool("kubectl-argo-rollouts", _argo_rollouts_plugin),
        _prometheus_tool(),
        # No release has the CRDs as separate files.
        Tool(
            "istio-definitions",
            ISTIO,
            (ISTIO_CRDS,),
            lambda _: None,
            (Build("istio", {}, scripts=(("istio.io/api", f"kubernetes/{ISTIO_CRDS}"),)),),
        ),
    ),
}
"""All tools by what they are for: the core, real nodes, EC2 machines, load on nodes, a peer that switches, canaries."""
