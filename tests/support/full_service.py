"""A service that uses nearly every key, valid for Kubernetes."""

from typing import Any

DIGEST = "sha256:" + "0123456789abcdef" * 4

PODS: dict[str, Any] = {
    "labels": {"example.org/team": "shop"},
    "podLabels": {"example.org/tier": "web"},
    "podAnnotations": {"example.org/contact": "shop@example.org"},
    "command": ["/bin/server"],
    "args": ["--listen", ":8000", "--version=$(VERSION)"],
    "workingDir": "/srv",
    "servicePort": 80,
    "ports": {
        "metrics": {"containerPort": 9090, "servicePort": 9100, "appProtocol": "http"},
        "grpc": {"containerPort": 9000},
        "dns": {"containerPort": 8053, "servicePort": 53, "protocol": "UDP"},
    },
    "env": {"spring.profiles.active": "prod", "LOG-LEVEL": "info"},
    "secretEnv": {"PASSWORD": {"secret": "backend-secrets", "key": "password"}},
    "configEnv": {"GREETING": {"configMap": "backend-config", "key": "greeting", "optional": True}},
    "fieldEnv": {"NODE_NAME": "spec.nodeName", "POD_IPS": "status.podIPs"},
    "envFrom": [{"configMap": "backend-flags", "prefix": "FLAG_"}, {"secret": "backend-tokens", "optional": True}],
    "volumes": {
        "config": {"configMap": {"name": "backend-config", "items": {"app.yaml": "app.yaml"}, "defaultMode": 0o440}},
        "certificate": {"secret": {"name": "backend-tls", "optional": True}},
        "cache": {"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        "uploads": {"persistentVolumeClaim": {"name": "backend-uploads", "readOnly": True}},
        "scratch": {"ephemeral": {"size": "10Gi", "storageClass": "gp3"}},
        "vault": {
            "csi": {
                "driver": "secrets-store.csi.k8s.io",
                "attributes": {"secretProviderClass": "backend"},
                "secret": "backend-vault",
            }
        },
        "identity": {
            "projected": [
                {"token": {"path": "token", "audience": "vault", "expirationSeconds": 3600}},
                {"configMap": {"name": "backend-ca"}},
                {"secret": {"name": "backend-extra", "items": {"a": "b/c"}, "optional": True}},
            ]
        },
    },
    "mounts": [
        {"volume": "config", "path": "/etc/backend/app.yaml", "subPath": "app.yaml", "readOnly": True},
        {"volume": "certificate", "path": "/etc/tls", "readOnly": True},
        {"volume": "cache", "path": "/cache"},
        {"volume": "uploads", "path": "/uploads", "readOnly": True},
        {"volume": "scratch", "path": "/scratch"},
        {"volume": "vault", "path": "/var/run/vault", "readOnly": True},
        {"volume": "identity", "path": "/var/run/identity", "readOnly": True},
    ],
    "resources": {
        "requests": {"cpu": "50m", "memory": "64Mi", "ephemeralStorage": "64Mi"},
        "limits": {"cpu": None, "memory": "128Mi", "ephemeralStorage": "256Mi"},
    },
    "liveness": {"grpc": {"port": 9000, "service": "live"}, "terminationGracePeriodSeconds": 20},
    "readiness": {
        "path": "/ready",
        "port": "metrics",
        "scheme": "HTTPS",
        "headers": {"X-Probe": "kubelet"},
        "successThreshold": 2,
    },
    "startup": {"exec": ["cat", "/srv/started"], "periodSeconds": 2},
    "initContainers": [
        {
            "name": "migrate",
            "image": f"ghcr.io/org/migrate@{DIGEST}",
            "command": ["migrate"],
            "args": ["up"],
            "env": {"MODE": "up"},
            "envFrom": [{"secret": "backend-tokens"}],
            "mounts": [{"volume": "config", "path": "/etc/backend"}],
        }
    ],
    "sidecars": [
        {
            "name": "proxy",
            "image": "ghcr.io/org/proxy:v1",
            "ports": {"proxy": {"containerPort": 15000}},
            "startup": {"tcpSocket": {"port": "proxy"}},
            "readiness": {"path": "/healthz"},
        },
        {"name": "log-agent", "image": "ghcr.io/org/agent:v2", "native": False, "liveness": {"exec": ["true"]}},
    ],
    "serviceAccount": {
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/backend"},
        "automountToken": True,
    },
    "service": {
        "type": "LoadBalancer",
        "annotations": {"service.beta.kubernetes.io/aws-load-balancer-type": "external"},
        "sessionAffinity": "ClientIP",
        "sessionAffinitySeconds": 600,
        "externalTrafficPolicy": "Local",
        "internalTrafficPolicy": "Cluster",
        "appProtocol": "kubernetes.io/h2c",
        "ipFamilyPolicy": "PreferDualStack",
        "ipFamilies": ["IPv4", "IPv6"],
        "loadBalancerClass": "service.k8s.aws/nlb",
        "loadBalancerSourceRanges": ["10.0.0.0/8"],
    },
    "affinity": {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]},
                }
            ]
        }
    },
    "priorityClassName": "important",
    "runtimeClassName": "gvisor",
    "minReadySeconds": 3,
    "security": {
        "runAsUser": 1000,
        "runAsGroup": 2000,
        "fsGroup": 3000,
        "fsGroupChangePolicy": "OnRootMismatch",
        "supplementalGroups": [4000],
        "netBindService": True,
    },
    "hostAliases": [{"ip": "10.0.0.10", "hostnames": ["legacy.example.org"]}],
    "dnsPolicy": "ClusterFirst",
    "dnsConfig": {"searches": ["example.org"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]},
    "terminationMessagePolicy": "FallbackToLogsOnError",
    "gate": {"smoke": {"scheme": "HTTPS", "paths": [{"path": "/health", "headers": {"X-Smoke": "1"}}]}},
    "podPatch": {
        "metadata": {"annotations": {"example.org/patched": "yes"}},
        "spec": {
            "shareProcessNamespace": False,
            "containers": [
                {"name": "app", "stdin": True, "env": [{"name": "PATCHED", "value": "yes"}]},
                {"name": "log-agent", "$patch": "delete"},
            ],
        },
    },
}
"""Keys that every strategy has."""

TWO_COLOURS: dict[str, Any] = PODS | {
    "image": "ghcr.io/org/backend",
    "active": "blue",
    "blue": {"tag": f"v1@{DIGEST}", "replicas": 2, "volumes": {"config": {"configMap": {"name": "config-v1"}}}},
    "green": {"tag": f"@{DIGEST}", "replicas": 2, "envFrom": [{"configMap": "green-only"}]},
}
CANARY: dict[str, Any] = PODS | {"image": "ghcr.io/org/backend", "strategy": "canary", "tag": f"v1@{DIGEST}"}
ARGO_BLUE_GREEN: dict[str, Any] = CANARY | {"strategy": "argoBlueGreen"}
