"""Cases of `tests.support.kubeconfigs` about the server, its certificate and the credentials for it."""

from tests.support.kubeconfig_forms import LOCALHOST, PLAIN, config_case, plugin_case
from tests.support.kubeconfigs import REFUSED, SERVER_NAME, Case, answer, kubeconfig

PEM = {"authority.crt": "@CA_PEM@", "client.crt": "@CERT_PEM@", "client.key": "@KEY_PEM@", "token": "of-file\n"}
V1BETA1 = "client.authentication.k8s.io/v1beta1"
CERTIFICATE = "client-certificate-data: @CERT@, client-key-data: @KEY@"
CLUSTERS = [
    Case(
        "relative paths count from their own file",
        {
            **{f"there/{name}": text for name, text in PEM.items()},
            "there/config": kubeconfig(
                user="client-certificate: client.crt, client-key: ./client.key, tokenFile: ../there/token",
                cluster="certificate-authority: authority.crt",
            ),
        },
        "A: Bearer of-file client-of-file",
        setting="@DIR@/there/config",
    ),
    config_case("a server without a certificate authority of its own", kubeconfig(cluster=""), REFUSED),
    Case(
        "an authority with other characters around it",
        {
            "config": kubeconfig(cluster="certificate-authority: authority.crt"),
            "authority.crt": "# F\u0151tan\u00fas\u00edtv\u00e1ny\n@CA_PEM@",
        },
        PLAIN,
        setting="@DIR@/config",
    ),
    config_case("any certificate", kubeconfig(cluster="insecure-skip-tls-verify: true"), PLAIN),
    config_case(
        "any certificate, and an authority",
        kubeconfig(cluster="insecure-skip-tls-verify: true, certificate-authority-data: @CA@"),
        REFUSED,
        "a certificate authority and insecure-skip-tls-verify",
    ),
    config_case("another name than the certificate's", kubeconfig("@C@"), REFUSED),
    config_case(
        "tls-server-name",
        kubeconfig("@C@", cluster=f"certificate-authority-data: @CA@, tls-server-name: {SERVER_NAME}"),
        "C: Bearer one",
    ),
    config_case(
        "an authority in a file and as data",
        kubeconfig(cluster="certificate-authority-data: @CA@, certificate-authority: /etc/hostname"),
        REFUSED,
        "Keep one.",
    ),
    config_case(
        "no such authority", kubeconfig(cluster="certificate-authority: none.crt"), REFUSED, "none.crt, cannot be"
    ),
    config_case(
        "an authority that is none", kubeconfig(cluster="certificate-authority-data: aGVsbG8="), REFUSED, "authority"
    ),
    config_case("no server", kubeconfig(""), LOCALHOST, "it has no server"),
    config_case("a server that is no URL", kubeconfig("https://"), REFUSED, "not a URL with a host"),
    config_case("a path before the API", kubeconfig("@A@/clusters/7"), "A/clusters/7: Bearer one"),
    config_case("a scheme in capitals", kubeconfig("HTTPS://127.0.0.1:@A_PORT@"), PLAIN),
    config_case("an address that ends in a slash", kubeconfig("@A@/"), PLAIN),
    config_case("an address with a query", kubeconfig("@A@/x?y=z#w"), "A/x: Bearer one"),
    config_case("no credential over plain HTTP", kubeconfig("@P@", cluster=""), "P: nobody"),
    config_case("an address without a scheme is plain HTTP", kubeconfig("127.0.0.1:@P_PORT@", cluster=""), "P: nobody"),
    config_case(
        "a proxy that is not there",
        kubeconfig(cluster="certificate-authority-data: @CA@, proxy-url: 'http://127.0.0.1:1'"),
        REFUSED,
    ),
    config_case(
        "a proxy without a scheme",
        kubeconfig(cluster="certificate-authority-data: @CA@, proxy-url: 'proxy.test:80'"),
        REFUSED,
        "its proxy-url must begin with",
    ),
]
USERS = [
    config_case("a client certificate", kubeconfig(user=CERTIFICATE), "A: client-of-file"),
    config_case(
        "a client certificate and a token", kubeconfig(user=f"{CERTIFICATE}, token: one"), f"{PLAIN} client-of-file"
    ),
    config_case(
        "a certificate without its key", kubeconfig(user="client-certificate-data: @CERT@"), REFUSED, "without its key"
    ),
    config_case(
        "the key of another certificate",
        kubeconfig(user="client-certificate-data: @CA@, client-key-data: @KEY@"),
        REFUSED,
        "client certificate and key",
    ),
    Case(
        "the token's file goes before the token",
        {"config": kubeconfig(user="token: one, tokenFile: token"), "token": " of-file \n"},
        "A: Bearer of-file",
        setting="@DIR@/config",
    ),
    config_case("a token, and no such file", kubeconfig(user="token: one, tokenFile: gone"), PLAIN),
    config_case("no such token's file", kubeconfig(user="tokenFile: gone"), REFUSED, "gone, cannot be read"),
    config_case("a name and a password", kubeconfig(user="username: me, password: secret"), "A: Basic bWU6c2VjcmV0"),
    config_case("a token and a password", kubeconfig(user="token: a, username: me, password: b"), REFUSED, "Keep one."),
    config_case(
        "in the place of another",
        kubeconfig(user="token: one, as: dev, as-groups: [a, b], as-uid: '7', as-user-extra: {why: [test]}"),
        f"{PLAIN} extra-why=test group=a group=b uid=7 user=dev",
    ),
    config_case("a token with a line end", kubeconfig(user='token: "one\\n"'), REFUSED, "line end"),
    config_case("a token with a space", kubeconfig(user='token: "one two"'), "A: Bearer one two"),
    config_case("a token that is no ASCII", kubeconfig(user="token: caf\u00e9"), "A: Bearer caf\u00c3\u00a9"),
    config_case("groups of nobody", kubeconfig(user="token: one, as-groups: [a]"), REFUSED, "without a user"),
    config_case("no credential", kubeconfig(user=""), REFUSED, "it has no credential"),
    config_case(
        "an auth-provider of another age",
        kubeconfig(user="auth-provider: {name: gcp}"),
        REFUSED,
        "Replace it by exec",
    ),
]
PLUGINS = [
    plugin_case("a plugin", answer(), "A: Bearer of-plugin"),
    plugin_case("a plugin of v1beta1", answer(version="v1beta1"), "A: Bearer of-plugin", version="v1beta1"),
    plugin_case(
        "a plugin's variables and arguments",
        answer('"token": "$STAGE-$1"'),
        "A: Bearer prod-eks",
        more=", args: [eks], env: [{name: STAGE, value: prod}]",
    ),
    plugin_case(
        "a plugin that asks for the cluster",
        'TOKEN=$(echo "$KUBERNETES_EXEC_INFO" | grep "certificate-authority-data" | grep -c "@A@")\n' + answer(),
        "A: Bearer 1",
        more=", provideClusterInfo: true",
    ),
    plugin_case(
        "a plugin's certificate",
        answer('"clientCertificateData": @PLUGIN_CERT@, "clientKeyData": @PLUGIN_KEY@'.replace("\n", "")),
        "A: client-of-plugin",
    ),
    Case(
        "a token goes before a plugin",
        {"config": kubeconfig(user=f"token: one, exec: {{apiVersion: {V1BETA1}, command: ./gone}}")},
        PLAIN,
        setting="@DIR@/config",
    ),
    plugin_case(
        "an expired login",
        'echo "\033[31mThe SSO session has expired.\033[0m Run: aws sso login" >&2; exit 255',
        REFUSED,
        "failed with exit code 255. It says: The SSO session has expired. Run: aws sso login\nLog in",
    ),
    Case(
        "a plugin that is not installed",
        {
            "config": kubeconfig(
                user=f"exec: {{apiVersion: {V1BETA1}, command: no-such-login, installHint: 'brew install it'}}"
            )
        },
        REFUSED,
        "'no-such-login' of user 'kubernetes-admin' is not installed here. brew install it",
        setting="@DIR@/config",
    ),
    plugin_case(
        "a plugin that prints no JSON", "echo hello", REFUSED, "answered with no credential: it must print JSON"
    ),
    plugin_case("a plugin that prints nothing", "true", REFUSED, "it must print JSON"),
    plugin_case("a plugin of another version", answer(version="v1beta1"), REFUSED, "as the kubeconfig says"),
    plugin_case("a plugin without a credential", answer(""), REFUSED, "neither a token nor a certificate"),
    plugin_case("half a certificate", answer('"clientKeyData": @PLUGIN_KEY@'), REFUSED, "and not both"),
    plugin_case(
        "a plugin that must have a terminal",
        answer(),
        REFUSED,
        "Always",
        version="v1beta1",
        more=", interactiveMode: Always",
    ),
    config_case(
        "a plugin of v1alpha1",
        kubeconfig(user="exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: ls}"),
        REFUSED,
        "its exec needs apiVersion",
    ),
    config_case(
        "a plugin of v1 that says nothing of a terminal",
        kubeconfig(user="exec: {apiVersion: client.authentication.k8s.io/v1, command: ls}"),
        REFUSED,
        "must have interactiveMode",
    ),
]
