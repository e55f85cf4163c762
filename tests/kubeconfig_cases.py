"""The cases of `tests.kubeconfigs`: each is played by the program, and beside it by kubectl."""

from tests.kubeconfigs import REFUSED, SERVER_NAME, Case, answer, kubeconfig, plugin

A, B = kubeconfig("@A@", "token: of-a"), kubeconfig("@B@", "token: of-b")
PLAIN = "A: Bearer one"
LOCALHOST = REFUSED
"""kubectl turns to localhost:8080, where nothing is."""


def _case(name: str, content: str | bytes, expected: str, message: str = "", **more: str) -> Case:
    return Case(name, {"config": content}, expected, message, setting="@DIR@/config", **more)


def _plugin(name: str, script: str, expected: str, message: str = "", *, version: str = "v1", more: str = "") -> Case:
    return Case(name, plugin(script, version=version, more=more), expected, message, setting="@DIR@/config")


FILES = [
    Case("two files, equal names: the first wins", {"a": A, "b": B}, "A: Bearer of-a", variable="@DIR@/a:@DIR@/b"),
    Case("two files, the other order", {"a": A, "b": B}, "B: Bearer of-b", variable="@DIR@/b:@DIR@/a"),
    Case("a missing file is skipped", {"b": B}, "B: Bearer of-b", variable="@DIR@/none:@DIR@/b"),
    Case("an empty entry is skipped", {"b": B}, "B: Bearer of-b", variable=":@DIR@/b:"),
    Case("an empty file is skipped", {"a": "", "b": B}, "B: Bearer of-b", variable="@DIR@/a:@DIR@/b"),
    Case(
        "the first current context wins, its entries come from the second",
        {"a": "current-context: it\n", "b": kubeconfig("@B@", current="none")},
        "B: Bearer one",
        variable="@DIR@/a:@DIR@/b",
    ),
    Case(
        "a cluster of one file and the user of another",
        {
            "a": kubeconfig("@A@", "token: of-a"),
            "b": "contexts:\n- name: mixed\n  context: {cluster: kubernetes, user: second}\n"
            "users:\n- name: second\n  user: {token: of-b}\n",
        },
        "A: Bearer of-b",
        variable="@DIR@/a:@DIR@/b",
        context="mixed",
    ),
    Case(
        "one file that is no YAML spoils the list",
        {"a": A, "b": "clusters: [\n"},
        REFUSED,
        "is no valid YAML",
        variable="@DIR@/a:@DIR@/b",
    ),
    Case("a directory in the list", {"a": A, "d/": ""}, REFUSED, "is a directory", variable="@DIR@/d:@DIR@/a"),
    Case("no file of the list exists", {}, LOCALHOST, "none of its files exists", variable="@DIR@/none:@DIR@/nor"),
    Case("the home directory's", {"home/.kube/config": A}, "A: Bearer of-a"),
    Case("nothing at all", {}, LOCALHOST, "there is no ~/.kube/config"),
    Case("a home directory that no shell wrote out", {}, LOCALHOST, "expands ~", variable="~/config"),
    Case("a setting before the variable", {"a": A, "b": B}, "B: Bearer of-b", setting="@DIR@/b", variable="@DIR@/a"),
    Case("a setting that is not there", {"b": B}, REFUSED, "there is no such file", setting="@DIR@/a"),
    Case("a setting that is a directory", {"d/": ""}, REFUSED, "is a directory", setting="@DIR@/d"),
    Case(
        "a setting is one file and no list",
        {"a": A, "b": B},
        REFUSED,
        "there is no such file",
        setting="@DIR@/a:@DIR@/b",
    ),
]

CONTEXTS = [
    _case("a context of the settings", kubeconfig(name="other", current="none"), PLAIN, context="other"),
    _case("no such context in the settings", A, REFUSED, "cluster.context is 'other'", context="other"),
    _case("a current context that is not there", kubeconfig(current="gone"), REFUSED, "current-context is 'gone'"),
    _case("no current context", kubeconfig(current='""'), LOCALHOST, "Set switchyard:cluster.context to one of"),
    _case(
        "no such cluster",
        kubeconfig().replace("cluster: kubernetes,", "cluster: gone,"),
        LOCALHOST,
        "names cluster 'gone'",
    ),
    _case("no such user", kubeconfig().replace("user: kubernetes-admin}", "user: gone}"), REFUSED, "names user 'gone'"),
    _case(
        "a context without a user, as for kubectl proxy",
        kubeconfig("@P@", cluster="").replace(", user: kubernetes-admin}", "}"),
        "P: nobody",
    ),
]

FORMS = [
    _case(
        "JSON, indented with tabs",
        '{\n\t"clusters": [{"name": "c", "cluster": {"server": "@A@", "certificate-authority-data": "@CA@"}}],\n'
        '\t"users": [{"name": "u", "user": {"token": "one"}}],\n'
        '\t"contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],\n\t"current-context": "x"\n}',
        PLAIN,
    ),
    _case("a byte order mark", b"\xef\xbb\xbf" + kubeconfig().encode(), PLAIN),
    _case("Windows line ends", kubeconfig().replace("\n", "\r\n"), PLAIN),
    _case("unknown keys", kubeconfig() + "more: {things: [1]}\npreferences: {colors: true}\n", PLAIN),
    _case("a second document", kubeconfig() + "---\nkind: Secret\n", PLAIN),
    _case("neither kind nor apiVersion", kubeconfig().replace("apiVersion: v1\nkind: Config\n", ""), PLAIN),
    _case("null in place of a value", kubeconfig(user="token: one, username: null, exec: null"), PLAIN),
    _case("a token like a date", kubeconfig(user="token: 2026-11-28"), "A: Bearer 2026-11-28"),
    _case("a token like a time", kubeconfig(user="token: 12:30:45"), "A: Bearer 12:30:45"),
    _case("a token like a power", kubeconfig(user="token: 1e3"), REFUSED, "users.0.user.token must be text"),
    _case("a context named y", kubeconfig(name="y", current="y"), REFUSED, "current-context must be text"),
    _case("a merged mapping", kubeconfig(user="<<: {token: one}"), PLAIN),
    _case("preferences of a wrong type", kubeconfig() + "preferences: []\n", REFUSED, "preferences must be a mapping"),
    _case("bytes that are no text", b"\xff\xfe\x00clusters: \x80\x81", REFUSED, "is no text in UTF-8"),
    _case("Latin-1", kubeconfig().replace("it", "caf\xe9").encode("latin-1"), REFUSED, "is no text in UTF-8"),
    _case("a file of comments", "# nothing\n", LOCALHOST, "it has no current context"),
    _case("an empty file", "", LOCALHOST, "it has no current context"),
    _case("plain text", "hello\n", REFUSED, "must be a YAML mapping"),
    _case("a list", "- clusters: []\n", REFUSED, "must be a YAML mapping"),
    _case("another kind", kubeconfig().replace("kind: Config", "kind: Secret"), REFUSED, "has kind 'Secret'"),
    _case("another version", kubeconfig().replace("apiVersion: v1", "apiVersion: v2"), REFUSED, "apiVersion 'v2'"),
    _case("a tab in YAML", kubeconfig().replace("  cluster:", "\tcluster:"), REFUSED, "is no valid YAML"),
    _case("a number for a token", kubeconfig(user="token: 12345"), REFUSED, "users.0.user.token must be text"),
    _case(
        "a wrong type in an entry that nobody selects",
        kubeconfig().replace("contexts:", "- {name: x, user: {tokenFile: [x]}}\ncontexts:"),
        REFUSED,
        "users.1.user.tokenFile",
    ),
    _case(
        "text for yes or no",
        kubeconfig(cluster='insecure-skip-tls-verify: "true"'),
        REFUSED,
        "insecure-skip-tls-verify must be true or false",
    ),
    _case("data that is no base64", kubeconfig(cluster="certificate-authority-data: '?'"), REFUSED, "must be base64"),
    _case(
        "clusters as a mapping",
        kubeconfig().replace("clusters:\n-", "clusters:\n "),
        REFUSED,
        "clusters must be a list",
    ),
    _case(
        "two clusters of one name",
        kubeconfig().replace("users:", '- {name: kubernetes, cluster: {server: "@B@"}}\nusers:'),
        REFUSED,
        "has two clusters named 'kubernetes'",
    ),
    _case(
        "two users of one name",
        kubeconfig().replace("contexts:", "- {name: kubernetes-admin, user: {token: two}}\ncontexts:"),
        REFUSED,
        "has two users named 'kubernetes-admin'",
    ),
]

PEM = {"authority.crt": "@CA_PEM@", "client.crt": "@CERT_PEM@", "client.key": "@KEY_PEM@", "token": "of-file\n"}
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
    _case("a server without a certificate authority of its own", kubeconfig(cluster=""), REFUSED),
    _case("any certificate", kubeconfig(cluster="insecure-skip-tls-verify: true"), PLAIN),
    _case(
        "any certificate, and an authority",
        kubeconfig(cluster="insecure-skip-tls-verify: true, certificate-authority-data: @CA@"),
        REFUSED,
        "a certificate authority and insecure-skip-tls-verify",
    ),
    _case("another name than the certificate's", kubeconfig("@C@"), REFUSED),
    _case(
        "tls-server-name",
        kubeconfig("@C@", cluster=f"certificate-authority-data: @CA@, tls-server-name: {SERVER_NAME}"),
        "C: Bearer one",
    ),
    _case(
        "an authority in a file and as data",
        kubeconfig(cluster="certificate-authority-data: @CA@, certificate-authority: /etc/hostname"),
        REFUSED,
        "Keep one.",
    ),
    _case("no such authority", kubeconfig(cluster="certificate-authority: none.crt"), REFUSED, "none.crt, cannot be"),
    _case(
        "an authority that is none", kubeconfig(cluster="certificate-authority-data: aGVsbG8="), REFUSED, "authority"
    ),
    _case("no server", kubeconfig(""), LOCALHOST, "it has no server"),
    _case("a server that is no URL", kubeconfig("https://"), REFUSED, "no URL with a host"),
    _case("a path before the API", kubeconfig("@A@/clusters/7"), "A/clusters/7: Bearer one"),
    _case("a scheme in capitals", kubeconfig("HTTPS://127.0.0.1:@A_PORT@"), PLAIN),
    _case("an address that ends in a slash", kubeconfig("@A@/"), PLAIN),
    _case("an address with a query", kubeconfig("@A@/x?y=z#w"), "A/x: Bearer one"),
    _case("no credential over plain HTTP", kubeconfig("@P@", cluster=""), "P: nobody"),
    _case("an address without a scheme is plain HTTP", kubeconfig("127.0.0.1:@P_PORT@", cluster=""), "P: nobody"),
    _case(
        "a proxy that is not there",
        kubeconfig(cluster="certificate-authority-data: @CA@, proxy-url: 'http://127.0.0.1:1'"),
        REFUSED,
    ),
    _case(
        "a proxy without a scheme",
        kubeconfig(cluster="certificate-authority-data: @CA@, proxy-url: 'proxy.test:80'"),
        REFUSED,
        "its proxy-url must begin with",
    ),
]

USERS = [
    _case("a client certificate", kubeconfig(user=CERTIFICATE), "A: client-of-file"),
    _case("a client certificate and a token", kubeconfig(user=f"{CERTIFICATE}, token: one"), f"{PLAIN} client-of-file"),
    _case(
        "a certificate without its key", kubeconfig(user="client-certificate-data: @CERT@"), REFUSED, "without its key"
    ),
    _case(
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
    _case("a token, and no such file", kubeconfig(user="token: one, tokenFile: gone"), PLAIN),
    _case("no such token's file", kubeconfig(user="tokenFile: gone"), REFUSED, "gone, cannot be read"),
    _case("a name and a password", kubeconfig(user="username: me, password: secret"), "A: Basic bWU6c2VjcmV0"),
    _case("a token and a password", kubeconfig(user="token: a, username: me, password: b"), REFUSED, "Keep one."),
    _case(
        "in the place of another",
        kubeconfig(user="token: one, as: dev, as-groups: [a, b], as-uid: '7', as-user-extra: {why: [test]}"),
        f"{PLAIN} extra-why=test group=a group=b uid=7 user=dev",
    ),
    _case("a token with a line end", kubeconfig(user='token: "one\\n"'), REFUSED, "line end"),
    _case("a token with a space", kubeconfig(user='token: "one two"'), "A: Bearer one two"),
    _case("a token that is no ASCII", kubeconfig(user="token: caf\u00e9"), "A: Bearer caf\u00c3\u00a9"),
    _case("groups of nobody", kubeconfig(user="token: one, as-groups: [a]"), REFUSED, "without a user"),
    _case("no credential", kubeconfig(user=""), REFUSED, "it has no credential"),
    _case(
        "an auth-provider of another age",
        kubeconfig(user="auth-provider: {name: gcp}"),
        REFUSED,
        "Replace it by exec",
    ),
]

V1BETA1 = "client.authentication.k8s.io/v1beta1"

PLUGINS = [
    _plugin("a plugin", answer(), "A: Bearer of-plugin"),
    _plugin("a plugin of v1beta1", answer(version="v1beta1"), "A: Bearer of-plugin", version="v1beta1"),
    _plugin(
        "a plugin's variables and arguments",
        answer('"token": "$STAGE-$1"'),
        "A: Bearer prod-eks",
        more=", args: [eks], env: [{name: STAGE, value: prod}]",
    ),
    _plugin(
        "a plugin that asks for the cluster",
        'TOKEN=$(echo "$KUBERNETES_EXEC_INFO" | grep "certificate-authority-data" | grep -c "@A@")\n' + answer(),
        "A: Bearer 1",
        more=", provideClusterInfo: true",
    ),
    _plugin(
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
    _plugin(
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
    _plugin("a plugin that prints no JSON", "echo hello", REFUSED, "answered with no credential: it must print JSON"),
    _plugin("a plugin that prints nothing", "true", REFUSED, "it must print JSON"),
    _plugin("a plugin of another version", answer(version="v1beta1"), REFUSED, "as the kubeconfig says"),
    _plugin("a plugin without a credential", answer(""), REFUSED, "neither a token nor a certificate"),
    _plugin("half a certificate", answer('"clientKeyData": @PLUGIN_KEY@'), REFUSED, "and not both"),
    _plugin(
        "a plugin that must have a terminal",
        answer(),
        REFUSED,
        "Always",
        version="v1beta1",
        more=", interactiveMode: Always",
    ),
    _case(
        "a plugin of v1alpha1",
        kubeconfig(user="exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: ls}"),
        REFUSED,
        "its exec needs apiVersion",
    ),
    _case(
        "a plugin of v1 that says nothing of a terminal",
        kubeconfig(user="exec: {apiVersion: client.authentication.k8s.io/v1, command: ls}"),
        REFUSED,
        "must have interactiveMode",
    ),
]

CASES = [*FILES, *CONTEXTS, *FORMS, *CLUSTERS, *USERS, *PLUGINS]
