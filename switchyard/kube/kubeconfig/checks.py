"""The rules for a cluster and a user of a kubeconfig, of client-go and of this program."""

import json
import os
from collections.abc import Iterator

from switchyard.kube.kubeconfig.file import ClusterEntry, ExecEntry, UserEntry
from switchyard.kube.proxies import has_host, proxy_problem

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")


def problems_of(cluster_name: str, cluster: ClusterEntry, user_name: str, user: UserEntry) -> list[str]:
    """The problems of a context, each as sentences with a rule and a remedy; empty if there are none.

    Args:
        cluster_name: name of the cluster.
        cluster: entry of the cluster, with absolute paths.
        user_name: name of the user.
        user: entry of the user, with absolute paths; its values appear in no sentence.
    """
    if not (_is_unicode(cluster) and _is_unicode(user)):
        return [
            f"Cluster {cluster_name!r} or user {user_name!r}: it has half of a character (a surrogate). Correct it."
        ]
    return [
        *(f"Cluster {cluster_name!r}: {problem}" for problem in _of_cluster(cluster)),
        *(f"User {user_name!r}: {problem}" for problem in _of_user(user)),
        *(f"User {user_name!r}: {problem}" for problem in _of_credentials(cluster, user)),
    ]


def _is_unicode(entry: ClusterEntry | UserEntry) -> bool:
    """Whether every text of an entry can be sent and named. JSON and YAML can have half of a pair of surrogates."""
    try:
        json.dumps(entry.model_dump(exclude={"extensions"}), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _of_cluster(cluster: ClusterEntry) -> Iterator[str]:
    if not cluster.server:
        yield "it has no server. Set the address of the API server."
    elif not _is_address(cluster.server):
        yield "its server is not a URL with a host. Write https://<host>:<port>."
    if cluster.certificate_authority and cluster.certificate_authority_data:
        yield "it has certificate-authority and certificate-authority-data. Keep one."
    elif cluster.certificate_authority:
        yield from _readable("certificate-authority", cluster.certificate_authority)
    if cluster.insecure_skip_tls_verify and (cluster.certificate_authority or cluster.certificate_authority_data):
        yield "it has a certificate authority and insecure-skip-tls-verify. Keep the certificate authority."
    if cluster.proxy_url:
        yield from _of_proxy(cluster)
    if cluster.tls_server_name.startswith(".") or "\0" in cluster.tls_server_name:
        yield "its tls-server-name is not the name of a host. Correct it."


def _of_credentials(cluster: ClusterEntry, user: UserEntry) -> Iterator[str]:
    if cluster.server.lower().startswith("https://") and not user.identifies:
        yield "it has no credential, and kubectl would ask for a name and a password. Set one, or choose another user."


def _is_address(server: str) -> bool:
    url = server if "://" in server else f"http://{server}"
    return url.lower().startswith(("http://", "https://")) and has_host(url)


def _of_proxy(cluster: ClusterEntry) -> Iterator[str]:
    if problem := proxy_problem(cluster.proxy_url):
        yield f"its proxy-url {problem}"
    elif cluster.tls_server_name:
        yield "it has tls-server-name and proxy-url, which the gates do not support together. Remove one."


def _of_user(user: UserEntry) -> Iterator[str]:
    if user.token and (user.username or user.password):
        yield "it has a token and a user name with password. Keep one."
    yield from _of_certificate(user)
    if user.token_file and not user.token:
        yield from _readable("tokenFile", user.token_file)
    if user.auth_provider is not None:
        yield (
            "it has an auth-provider, which exec plugins have replaced and the gates do not support. Replace it by "
            "exec, for OIDC with kubelogin."
        )
    if user.exec is not None:
        yield from _of_exec(user.exec)
    if (user.as_uid or user.as_groups or user.as_user_extra) and not user.impersonate:
        yield "it impersonates a uid, groups or extra fields without a user. Set `as`."


def _of_certificate(user: UserEntry) -> Iterator[str]:
    if not (user.client_certificate or user.client_certificate_data):
        return
    if user.client_certificate and user.client_certificate_data:
        yield "it has client-certificate and client-certificate-data. Keep one."
    if user.client_key and user.client_key_data:
        yield "it has client-key and client-key-data. Keep one."
    if not (user.client_key or user.client_key_data):
        yield "it has a client certificate without its key. Set client-key or client-key-data."
    for key, path in (("client-certificate", user.client_certificate), ("client-key", user.client_key)):
        if path:
            yield from _readable(key, path)


def _of_exec(login: ExecEntry) -> Iterator[str]:
    if not login.command:
        yield "its exec has no command. Set it."
    if login.api_version not in EXEC_VERSIONS:
        yield f"its exec needs apiVersion {' or '.join(EXEC_VERSIONS)}. Let the plugin write it again."
    mode = login.interactive_mode or ("" if login.api_version == EXEC_VERSIONS[0] else "IfAvailable")
    if mode not in INTERACTIVE_MODES:
        yield f"its exec must have interactiveMode {', '.join(INTERACTIVE_MODES[:-1])} or {INTERACTIVE_MODES[-1]}."
    elif mode == "Always":
        yield (
            "its exec asks for a terminal (interactiveMode: Always), and an update has none. Set IfAvailable, and "
            "log in by the plugin's own command before an update."
        )
    if any(not variable.name for variable in login.env):
        yield "its exec has an environment variable without a name. Name it."


def _readable(key: str, path: str) -> Iterator[str]:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        yield f"its {key}, {path}, cannot be read: {os.strerror(error.errno or 0)}. Correct the path."
    except ValueError:  # a character NUL, which no path has
        yield f"its {key} is not a path of a file. Correct it."
