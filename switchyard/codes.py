"""The stable code of every message: of each refusal, error, warning and report.

A code is part of the text that an engineer sees and a heading of the runbook, under "Messages by code". A code is never
used again for something else; a message that is removed leaves a gap. The letter names the area.
"""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Code of a message, by which it is found in the runbook."""

    # C: configuration
    UNKNOWN_KEY = "SY-C001"
    WRONG_VALUE = "SY-C002"
    WRONG_ROLLOUT_SETTINGS = "SY-C010"
    WRONG_AUTOSCALING_SETTINGS = "SY-C011"
    WRONG_POD_SETTINGS = "SY-C012"
    WRONG_POD_PATCH = "SY-C013"
    WRONG_SERVICE_ENTRY = "SY-C014"
    WRONG_CLUSTER_SETTINGS = "SY-C015"
    WRONG_LOAD_BALANCER_SETTINGS = "SY-C016"
    WRONG_STACK_SETTINGS = "SY-C017"
    KUBERNETES_TOO_OLD = "SY-C020"
    # K: cluster access and kubeconfig
    CLUSTER_ERROR = "SY-K001"
    KUBECONFIG_INVALID = "SY-K002"
    LOGIN_FAILED = "SY-K003"
    API_UNREACHABLE = "SY-K004"
    ACCESS_DENIED = "SY-K005"
    API_REJECTED = "SY-K006"
    API_ERROR = "SY-K007"
    CLUSTER_NOT_READY = "SY-K008"
    NODES_UNREADABLE = "SY-K009"
    NODE_CHANGED = "SY-K010"
    CONTENT_UNREADABLE = "SY-K011"
    RELEASES_UNREADABLE = "SY-K012"
    AUTOSCALERS_UNREADABLE = "SY-K013"
    CONTENT_MISSING = "SY-K014"
    NODE_MISSING = "SY-K015"
    NODE_OF_FORMER_MACHINE = "SY-K016"
    # O: ownership
    OBJECT_OF_ANOTHER_OWNER = "SY-O001"
    SERVICE_OF_ANOTHER_OWNER = "SY-O002"
    ADOPTED_SERVICE_HAS_OTHER_PORTS = "SY-O003"
    ADOPTED_SERVICE_SELECTS_NEW_PODS = "SY-O004"
    NAMESPACE_MISSING = "SY-O005"
    NODE_PORT_TAKEN = "SY-O006"
    NODE_PORT_NOT_RELEASED_YET = "SY-O007"
    OWNER_UNKNOWN = "SY-O008"
    OBJECT_MISSING = "SY-O009"
    MARK_CHANGED = "SY-O010"
    FORMER_STACK_IS_THIS = "SY-O011"
    NODE_PORTS_UNKNOWN = "SY-O012"
    # D: deletion and relocation
    SERVING_OBJECT_DELETED = "SY-D001"
    SERVING_SERVICE_REMOVED = "SY-D002"
    SERVING_UNKNOWN_BEFORE_DELETION = "SY-D003"
    PRODUCTION_DESTROYED = "SY-D004"
    DELETED_BY_NAME = "SY-D005"
    HELM_RELEASE_DELETED = "SY-D006"
    DELETION_NOT_FINISHED = "SY-D007"
    DELETION_FAILED = "SY-D008"
    OTHER_CLUSTER_IDENTIFIER = "SY-D009"
    OTHER_CLUSTER = "SY-D010"
    OTHER_NAMESPACE = "SY-D011"
    OTHER_NAME = "SY-D012"
    NOTHING_TO_REMOVE = "SY-D013"
    CLUSTER_UNKNOWN = "SY-D014"
    SERVING_UNKNOWN_BEFORE_MOVE = "SY-D015"
    DELETED_WITH_MACHINES = "SY-D016"
    # S: switch and pods
    SWITCH_TOO_FEW_READY = "SY-S001"
    SWITCH_TO_FEWER = "SY-S002"
    SMOKE_TEST_FAILED = "SY-S003"
    SERVING_PODS_CHANGED = "SY-S004"
    IDLE_COLOUR_SELECTED = "SY-S005"
    IDLE_COLOUR_IN_ENDPOINTS = "SY-S006"
    IDLE_COLOUR_NEEDED = "SY-S007"
    NODES_DO_NOT_FOLLOW = "SY-S008"
    NO_ANSWER_IN_TIME = "SY-S009"
    ANOTHER_TRACK_SERVES = "SY-S010"
    MIGRATION_NOT_FINISHED = "SY-S011"
    NOTHING_READY = "SY-S012"
    PODS_NOT_READY = "SY-S013"
    ANOTHER_VERSION_RUNS = "SY-S014"
    IMAGE_REWRITTEN = "SY-S015"
    ADDRESS_LOST = "SY-S016"
    SMOKE_TEST_NOT_RUN = "SY-S017"
    OLDER_CONTENT = "SY-S018"
    # R: Rollouts and analysis
    ARGO_ROLLOUTS_MISSING = "SY-R001"
    ROLLOUT_CONTROLLER_SILENT = "SY-R002"
    ROLLOUT_NOT_READY = "SY-R003"
    ROLLOUT_DEGRADED = "SY-R004"
    ROLLOUT_NOT_FINISHED = "SY-R005"
    OTHER_ROLLOUT_STRATEGY = "SY-R006"
    MIGRATION_MIXES_VERSIONS = "SY-R007"
    MIGRATION_MIXES_COLOURS = "SY-R008"
    SELECTOR_TAKEN_OVER = "SY-R009"
    ROUTER_BEFORE_ROLLOUT = "SY-R010"
    INGRESS_WITHOUT_RULE = "SY-R011"
    INGRESS_WITHOUT_WEIGHTS = "SY-R012"
    ISTIO_MISSING = "SY-R013"
    INGRESS_STILL_WEIGHTED = "SY-R014"
    ROUTER_STILL_ROUTES = "SY-R015"
    GATEWAY_STILL_ROUTES = "SY-R016"
    VIRTUAL_SERVICE_OF_ANOTHER_OWNER = "SY-R017"
    PORT_CHANGED_UNDER_ROLLOUT = "SY-R018"
    # A: autoscaling
    AUTOSCALER_NAME_TAKEN = "SY-A001"
    ANOTHER_AUTOSCALER = "SY-A002"
    AUTOSCALER_MAX_TOO_LOW = "SY-A003"
    FIXED_NUMBER_TOO_LOW = "SY-A004"
    NO_AUTOSCALER = "SY-A005"
    AUTOSCALER_INACTIVE = "SY-A006"
    NO_METRICS = "SY-A007"
    NUMBER_NOT_APPLIED = "SY-A008"
    PODS_ADDED_BEFORE_SWITCH = "SY-A009"
    # L: load balancer and AWS
    CONTROLLER_REFUSES_INGRESS = "SY-L001"
    LISTENER_RULE_MISSING = "SY-L002"
    NO_TARGET_GROUP = "SY-L003"
    WEIGHTS_STILL_USED = "SY-L004"
    TARGETS_NOT_HEALTHY = "SY-L005"
    RULE_STILL_SENDS = "SY-L006"
    WEIGHTS_NOT_SWITCHED = "SY-L007"
    AWS_FAILED = "SY-L901"
    BALANCER_UNREADABLE = "SY-L902"
    # E: cluster of EC2 instances
    ADMIN_CERTIFICATE_RENEWED = "SY-E001"
    SERVER_CERTIFICATE_ENDS = "SY-E002"
    CA_CERTIFICATE_ENDS = "SY-E003"
    CA_CERTIFICATE_DIFFERS = "SY-E004"
    MACHINE_DIFFERS = "SY-E005"
    USER_DATA_TOO_LONG = "SY-E006"
    PARAMETER_TOO_LONG = "SY-E007"
    # P: releases by the commands
    RELEASE_IN_PROGRESS = "SY-P001"
    RELEASE_LEASE_LOST = "SY-P002"
    RECORD_OF_ANOTHER_OWNER = "SY-P003"
    RECORD_UNREADABLE = "SY-P004"
    VERSION_ROLLED_BACK = "SY-P005"
    ROLLBACKS_UNKNOWN = "SY-P006"
    ACT_DOES_NOT_FIT = "SY-P007"
    SERVICE_UNKNOWN = "SY-P020"
    STRATEGY_NOT_SWITCHED = "SY-P021"
    ALREADY_SERVING = "SY-P022"
    NOTHING_TO_ROLL_BACK_TO = "SY-P023"
    TARGET_NOT_READY = "SY-P024"
    SELECTOR_NOT_OF_PROGRAM = "SY-P025"
    SERVICE_NOT_OF_STACK = "SY-P026"
    CONFIRMATION_NEEDED = "SY-P027"
    NOT_CONVERGED = "SY-P028"
    SWITCHED_BY_WEIGHTS = "SY-P029"
    SERVICE_CHANGED = "SY-P031"
    KUBECONFIG_IN_STATE = "SY-P032"
    FEWER_AFTER_ROLLBACK = "SY-P033"
    NOT_WARMED = "SY-P034"
    CONNECTIONS_STAY = "SY-P040"
    CONNECTIONS_SHORT_LIVED = "SY-P041"
    NEW_VERSION_WORSE = "SY-P050"
    EVIDENCE_INSUFFICIENT = "SY-P051"
    NO_TRAFFIC = "SY-P052"
    METRICS_UNREADABLE = "SY-P053"
    # X: command line
    STEP_NOT_TAKEN = "SY-X001"
    CONFIGURATION_UNREADABLE = "SY-X002"
    SETTINGS_INVALID = "SY-X003"
    NO_ANALYSIS = "SY-X004"
    NO_VERSION = "SY-X005"
    PROMETHEUS_NO_ANSWER = "SY-X006"
    PROMETHEUS_UNRESOLVED = "SY-X007"
    NOT_AS_CONFIGURED = "SY-X008"


TITLES: Mapping[Code, str] = {
    Code.UNKNOWN_KEY: "A key of the configuration is unknown",
    Code.WRONG_VALUE: "A value has the wrong type, is out of range, or is missing",
    Code.WRONG_ROLLOUT_SETTINGS: "The settings of a canary or of argoBlueGreen contradict each other",
    Code.WRONG_AUTOSCALING_SETTINGS: "The settings of an autoscaler contradict each other",
    Code.WRONG_POD_SETTINGS: "The settings of a service's pods contradict each other",
    Code.WRONG_POD_PATCH: "A podPatch changes what the program relies on",
    Code.WRONG_SERVICE_ENTRY: "A service's entry contradicts itself, another entry or the nodes",
    Code.WRONG_CLUSTER_SETTINGS: "The settings of the cluster contradict each other, or the cluster that runs",
    Code.WRONG_LOAD_BALANCER_SETTINGS: "The settings of the load balancer contradict each other",
    Code.WRONG_STACK_SETTINGS: "A setting of the whole stack is wrong",
    Code.KUBERNETES_TOO_OLD: "The cluster is older than the manifests need",
    Code.CLUSTER_ERROR: "The cluster cannot be read",
    Code.KUBECONFIG_INVALID: "The kubeconfig cannot be used",
    Code.LOGIN_FAILED: "The user of the kubeconfig cannot log in",
    Code.API_UNREACHABLE: "The API server does not answer",
    Code.ACCESS_DENIED: "The user of the kubeconfig is not known, or lacks a permission",
    Code.API_REJECTED: "The API server rejects an object",
    Code.API_ERROR: "The API server answers with an error",
    Code.CLUSTER_NOT_READY: "Part of a new cluster is not ready in time",
    Code.NODES_UNREADABLE: "The nodes of the cluster cannot be read",
    Code.NODE_CHANGED: "A node has changed while the update ran",
    Code.CONTENT_UNREADABLE: "The ConfigMaps and Secrets of a service cannot be read",
    Code.RELEASES_UNREADABLE: "The Rollouts of services cannot be read",
    Code.AUTOSCALERS_UNREADABLE: "Autoscalers and numbers of pods cannot be read",
    Code.CONTENT_MISSING: "A ConfigMap or Secret that pods need does not exist",
    Code.NODE_MISSING: "A node of the node table is not on the cluster",
    Code.NODE_OF_FORMER_MACHINE: "A node is registered with its former machine",
    Code.OBJECT_OF_ANOTHER_OWNER: "An object of this name belongs to somebody else",
    Code.SERVICE_OF_ANOTHER_OWNER: "A Service of this name exists and belongs to somebody else",
    Code.ADOPTED_SERVICE_HAS_OTHER_PORTS: "The Service to adopt has ports that this stack does not serve",
    Code.ADOPTED_SERVICE_SELECTS_NEW_PODS: "The Service to adopt also selects the new pods",
    Code.NAMESPACE_MISSING: "The service's namespace does not exist",
    Code.NODE_PORT_TAKEN: "Another Service has the node port",
    Code.NODE_PORT_NOT_RELEASED_YET: "A node port moves between Services of this stack",
    Code.OWNER_UNKNOWN: "Whether an object may be written is not known",
    Code.OBJECT_MISSING: "An object of the stack does not exist on the cluster",
    Code.MARK_CHANGED: "An object of the stack has the mark of another stack",
    Code.FORMER_STACK_IS_THIS: "formerStack names this stack itself",
    Code.NODE_PORTS_UNKNOWN: "Whether the configured node ports are free is not known",
    Code.SERVING_OBJECT_DELETED: "The object to be deleted serves users",
    Code.SERVING_SERVICE_REMOVED: "A service that serves is not in the configuration any more",
    Code.SERVING_UNKNOWN_BEFORE_DELETION: "Whether an object serves is not known, so it is not deleted",
    Code.PRODUCTION_DESTROYED: "A production stack that serves is not destroyed",
    Code.DELETED_BY_NAME: "The provider would delete a live object by its name",
    Code.HELM_RELEASE_DELETED: "A Helm release of the configuration would be deleted by its name",
    Code.DELETION_NOT_FINISHED: "A deleted object still exists",
    Code.DELETION_FAILED: "The API server did not delete an object",
    Code.OTHER_CLUSTER_IDENTIFIER: "Another cluster identifier would replace everything",
    Code.OTHER_CLUSTER: "The kubeconfig is of another cluster",
    Code.OTHER_NAMESPACE: "Another namespace for a service that serves",
    Code.OTHER_NAME: "Another name for a service that serves",
    Code.NOTHING_TO_REMOVE: "A service marked for removal does not exist",
    Code.CLUSTER_UNKNOWN: "Which cluster the kubeconfig is of is not known",
    Code.SERVING_UNKNOWN_BEFORE_MOVE: "Whether the service to be moved or removed serves is not known",
    Code.DELETED_WITH_MACHINES: "The cluster's objects are deleted with its machines",
    Code.SWITCH_TOO_FEW_READY: "The new version has too few ready pods for a switch",
    Code.SWITCH_TO_FEWER: "The switch would be to fewer pods than serve now",
    Code.SMOKE_TEST_FAILED: "The smoke test of the new version failed",
    Code.SERVING_PODS_CHANGED: "The change would replace the pods that serve",
    Code.IDLE_COLOUR_SELECTED: "The Service still selects the idle colour",
    Code.IDLE_COLOUR_IN_ENDPOINTS: "Pods of the idle colour are still endpoints of the Service",
    Code.IDLE_COLOUR_NEEDED: "The idle colour is still needed for a rollback",
    Code.NODES_DO_NOT_FOLLOW: "A node does not follow the switch",
    Code.NO_ANSWER_IN_TIME: "The API server did not answer in time",
    Code.ANOTHER_TRACK_SERVES: "The Service selects other pods than the stack has",
    Code.MIGRATION_NOT_FINISHED: "The strategy migration is not finished",
    Code.NOTHING_READY: "The active version has no ready pod",
    Code.PODS_NOT_READY: "Pods of a version are not ready",
    Code.ANOTHER_VERSION_RUNS: "Pods run another version than the stack has",
    Code.IMAGE_REWRITTEN: "The cluster's admission has changed the pods",
    Code.ADDRESS_LOST: "The Service stops answering at an address",
    Code.SMOKE_TEST_NOT_RUN: "The smoke test did not run",
    Code.OLDER_CONTENT: "A switch goes to pods with an earlier ConfigMap or Secret",
    Code.ARGO_ROLLOUTS_MISSING: "The cluster has no Argo Rollouts",
    Code.ROLLOUT_CONTROLLER_SILENT: "The controller of Argo Rollouts does not act on the Rollout",
    Code.ROLLOUT_NOT_READY: "The Rollout is not ready for the traffic",
    Code.ROLLOUT_DEGRADED: "The release was aborted",
    Code.ROLLOUT_NOT_FINISHED: "The release did not end in time",
    Code.OTHER_ROLLOUT_STRATEGY: "A Rollout cannot change between canary and argoBlueGreen",
    Code.MIGRATION_MIXES_VERSIONS: "The strategy migration would mix two versions",
    Code.MIGRATION_MIXES_COLOURS: "The strategy migration would send traffic to the idle colour",
    Code.SELECTOR_TAKEN_OVER: "Argo Rollouts has changed the Service during the update",
    Code.ROUTER_BEFORE_ROLLOUT: "A traffic router needs a Rollout that serves",
    Code.INGRESS_WITHOUT_RULE: "The Ingress of the canary does not exist or has no rule for the service",
    Code.INGRESS_WITHOUT_WEIGHTS: "The Ingress does not use the weights of the canary",
    Code.ISTIO_MISSING: "The cluster has no Istio",
    Code.INGRESS_STILL_WEIGHTED: "The Ingress still uses the weights of the canary",
    Code.ROUTER_STILL_ROUTES: "A traffic router still sends the users past the Service",
    Code.GATEWAY_STILL_ROUTES: "A gateway still routes to the VirtualService",
    Code.VIRTUAL_SERVICE_OF_ANOTHER_OWNER: "A VirtualService of this name belongs to somebody else",
    Code.PORT_CHANGED_UNDER_ROLLOUT: "The port of a service under a Rollout is changed",
    Code.AUTOSCALER_NAME_TAKEN: "An autoscaler of this name sizes other pods",
    Code.ANOTHER_AUTOSCALER: "Another autoscaler sizes the same pods",
    Code.AUTOSCALER_MAX_TOO_LOW: "The autoscaler's maximum is below what serves",
    Code.FIXED_NUMBER_TOO_LOW: "The fixed number of pods is below what serves",
    Code.NO_AUTOSCALER: "No autoscaler sizes the pods that serve",
    Code.AUTOSCALER_INACTIVE: "The autoscaler does not scale",
    Code.NO_METRICS: "The cluster serves no metrics",
    Code.NUMBER_NOT_APPLIED: "A configured number of pods is not applied",
    Code.PODS_ADDED_BEFORE_SWITCH: "Pods were added before the switch",
    Code.CONTROLLER_REFUSES_INGRESS: "The load balancer's controller refuses an Ingress",
    Code.LISTENER_RULE_MISSING: "The load balancer does not have the rules of the Ingresses",
    Code.NO_TARGET_GROUP: "A colour has no target group yet",
    Code.WEIGHTS_STILL_USED: "The load balancer still uses the target groups of the colours",
    Code.TARGETS_NOT_HEALTHY: "The load balancer does not report healthy targets",
    Code.RULE_STILL_SENDS: "The load balancer may still send requests to the idle colour",
    Code.WEIGHTS_NOT_SWITCHED: "The switch of the load balancer is not finished",
    Code.AWS_FAILED: "AWS does not answer, or denies the call",
    Code.BALANCER_UNREADABLE: "Whether the load balancer is as configured is not known",
    Code.ADMIN_CERTIFICATE_RENEWED: "The administrator's certificate is renewed",
    Code.SERVER_CERTIFICATE_ENDS: "The API server's certificate expires soon",
    Code.CA_CERTIFICATE_ENDS: "The certificate of a certificate authority expires soon",
    Code.CA_CERTIFICATE_DIFFERS: "The machines have another certificate of the certificate authority",
    Code.MACHINE_DIFFERS: "A machine is not what the settings say",
    Code.USER_DATA_TOO_LONG: "The user data of a machine is too large for EC2",
    Code.PARAMETER_TOO_LONG: "A secret is too large for a parameter of SSM",
    Code.RELEASE_IN_PROGRESS: "Another release of the service is in progress",
    Code.RELEASE_LEASE_LOST: "Another command has taken the Lease of the service",
    Code.RECORD_OF_ANOTHER_OWNER: "Somebody else has an object of the record's name",
    Code.RECORD_UNREADABLE: "The record of releases cannot be read",
    Code.VERSION_ROLLED_BACK: "The version was rolled back",
    Code.ROLLBACKS_UNKNOWN: "Whether the version was rolled back is not known",
    Code.ACT_DOES_NOT_FIT: "The command does not fit the phase of the release",
    Code.SERVICE_UNKNOWN: "The stack has no service of this name",
    Code.STRATEGY_NOT_SWITCHED: "A service of this strategy is not switched by a command",
    Code.ALREADY_SERVING: "The colour serves already",
    Code.NOTHING_TO_ROLL_BACK_TO: "There is no version to roll back to",
    Code.TARGET_NOT_READY: "The colour to roll back to has no ready pod",
    Code.SELECTOR_NOT_OF_PROGRAM: "The Service selects neither of the two colours",
    Code.SERVICE_NOT_OF_STACK: "The Service on the cluster is not this stack's",
    Code.CONFIRMATION_NEEDED: "A command that changes what serves is not confirmed",
    Code.NOT_CONVERGED: "Configuration or state do not have the switch yet",
    Code.SWITCHED_BY_WEIGHTS: "The load balancer's weights are not switched by a command",
    Code.SERVICE_CHANGED: "Somebody has changed the Service while a command ran",
    Code.KUBECONFIG_IN_STATE: "The kubeconfig of the cluster is in a state that cannot be read",
    Code.FEWER_AFTER_ROLLBACK: "A rollback goes to fewer pods than serve",
    Code.NOT_WARMED: "The version to roll back to cannot be warmed",
    Code.CONNECTIONS_STAY: "Kept connections stay with the old colour",
    Code.CONNECTIONS_SHORT_LIVED: "Pods that serve still close each connection",
    Code.NEW_VERSION_WORSE: "The new version is worse than accepted",
    Code.EVIDENCE_INSUFFICIENT: "The requests do not suffice for a verdict",
    Code.NO_TRAFFIC: "The new version has answered no request",
    Code.METRICS_UNREADABLE: "The metrics of the new version cannot be read",
    Code.STEP_NOT_TAKEN: "A step is not taken",
    Code.CONFIGURATION_UNREADABLE: "The configuration of the stack cannot be read",
    Code.SETTINGS_INVALID: "The configuration of the stack has errors",
    Code.NO_ANALYSIS: "The service has no analysis",
    Code.NO_VERSION: "The service has no version to judge",
    Code.PROMETHEUS_NO_ANSWER: "Prometheus does not answer",
    Code.PROMETHEUS_UNRESOLVED: "The host name of Prometheus does not resolve",
    Code.NOT_AS_CONFIGURED: "Not everything is as configured",
}
"""What each message is about, in one line: the title of its section in the runbook."""
