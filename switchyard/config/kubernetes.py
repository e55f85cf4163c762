"""Facts of Kubernetes and of its controllers that more than one package needs: API versions, labels, ports, names.

Each has this one place. `tests/unit/test_facts.py` refuses one of them as a literal in any other file that ships.
"""

CORE = "v1"
"""API version of the core group: Services, pods, ConfigMaps, Secrets, nodes."""

NAMESPACE_ACTIVE = "Active"
"""Phase of a namespace that is not being deleted."""

APPS = "apps/v1"
"""API version of Deployments and ReplicaSets."""

AUTOSCALING = "autoscaling/v2"
"""API version of HorizontalPodAutoscalers."""

BATCH = "batch/v1"
"""API version of Jobs."""

COORDINATION = "coordination.k8s.io/v1"
"""API version of Leases."""

DISCOVERY = "discovery.k8s.io/v1"
"""API version of EndpointSlices."""

NETWORKING = "networking.k8s.io/v1"
"""API version of Ingresses."""

POLICY = "policy/v1"
"""API version of PodDisruptionBudgets."""

METRICS = "metrics.k8s.io/v1beta1"
"""API version of the metrics that an autoscaler measures by; metrics-server serves it."""

RBAC = "rbac.authorization.k8s.io/v1"
"""API version of Roles and ClusterRoles."""

ROLLOUTS = "argoproj.io/v1alpha1"
"""API version of the custom resources of Argo Rollouts."""

APPLICATIONS = "argoproj.io/v1alpha1"
"""API version of the applications of Argo CD."""

ARGO_CD_INSTANCE = "argocd.argoproj.io/instance"
"""Label with the application of Argo CD that an object belongs to."""

ARGO_CD_TRACKING = "argocd.argoproj.io/tracking-id"
"""Annotation that begins with the application of Argo CD that an object belongs to."""

ISTIO = "networking.istio.io/v1"
"""API version of the VirtualServices of Istio."""

GATEWAY = "gateway.networking.k8s.io/v1"
"""API version of the HTTPRoutes and GRPCRoutes of the Gateway API."""

TARGETS = "elbv2.k8s.aws/v1beta1"
"""API version of the TargetGroupBindings of the AWS Load Balancer Controller."""

MANAGED_BY = "app.kubernetes.io/managed-by"
"""Label of an object: the program that manages it."""

INSTANCE = "app.kubernetes.io/instance"
"""Label of an object: the release of Helm, or with an Argo CD before 3.0 the application, that it belongs to."""

POD_TEMPLATE_HASH = "pod-template-hash"
"""Label that the Deployment controller gives a ReplicaSet and its pods: one value for each pod template."""

ROLLOUT_POD_TEMPLATE_HASH = f"rollouts-{POD_TEMPLATE_HASH}"
"""Label that Argo Rollouts gives a ReplicaSet and its pods: one value for each pod template of a Rollout."""

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""Annotation that `kubectl rollout restart` sets in a pod template, so that all pods are replaced."""

SERVICE_OF_SLICE = "kubernetes.io/service-name"
"""Label of an EndpointSlice: the Service that it belongs to."""

HOSTNAME_LABEL = "kubernetes.io/hostname"
"""Label of a node: its host name."""

TOPOLOGY_PREFIX = "topology.kubernetes.io/"
"""Prefix of the labels of a node that say where it is."""

ZONE_LABEL = f"{TOPOLOGY_PREFIX}zone"
"""Label of a node: its availability zone."""

REGION_LABEL = f"{TOPOLOGY_PREFIX}region"
"""Label of a node: its region."""

KUBE_SYSTEM = "kube-system"
"""The namespace of Kubernetes itself. Its UID identifies a cluster."""

KUBE_PROXY_HEALTH_PORT = 10256
"""Port on which kube-proxy answers on every node: the default of its `healthzBindAddress`, which kubeadm keeps."""

API_SERVER_PORT = 6443
"""Port of the API server on the control plane: the default of kubeadm."""

ARGO_ROLLOUTS = "argo-rollouts"
"""Name of the chart of Argo Rollouts, of its release and of its namespace, where messages look for the controller."""

ALB_CONTROLLER = "aws-load-balancer-controller"
"""Name of the chart of the AWS Load Balancer Controller, of its release and of its namespace."""

METRICS_SERVER_CHART = "metrics-server"
"""Name of the chart of metrics-server, of its release and of its namespace."""

CALICO_CHART = "tigera-operator"
"""Name of the chart of Calico's operator and of its namespace."""

ALB_ANNOTATIONS = "alb.ingress.kubernetes.io"
"""Prefix of the annotations by which an Ingress configures the AWS Load Balancer Controller."""
