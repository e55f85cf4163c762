"""The cases of `tests.support.kubeconfigs`: each is run with the program and with kubectl."""

from tests.support.kubeconfig_credentials import CLUSTERS, PLUGINS, USERS
from tests.support.kubeconfig_forms import LOCALHOST, PLAIN, config_case
from tests.support.kubeconfigs import REFUSED, Case, kubeconfig

A, B = kubeconfig("@A@", "token: of-a"), kubeconfig("@B@", "token: of-b")
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
        "is not valid YAML",
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
    config_case("a context of the settings", kubeconfig(name="other", current="none"), PLAIN, context="other"),
    config_case("no such context in the settings", A, REFUSED, "cluster.context is 'other'", context="other"),
    config_case(
        "a current context that is not there", kubeconfig(current="gone"), REFUSED, "current-context is 'gone'"
    ),
    config_case("no current context", kubeconfig(current='""'), LOCALHOST, "Set switchyard:cluster.context to one of"),
    config_case(
        "no such cluster",
        kubeconfig().replace("cluster: kubernetes,", "cluster: gone,"),
        LOCALHOST,
        "names cluster 'gone'",
    ),
    config_case(
        "no such user", kubeconfig().replace("user: kubernetes-admin}", "user: gone}"), REFUSED, "names user 'gone'"
    ),
    config_case(
        "a context without a user, as for kubectl proxy",
        kubeconfig("@P@", cluster="").replace(", user: kubernetes-admin}", "}"),
        "P: nobody",
    ),
]
FORMS = [
    config_case(
        "JSON, indented with tabs",
        '{\n\t"clusters": [{"name": "c", "cluster": {"server": "@A@", "certificate-authority-data": "@CA@"}}],\n'
        '\t"users": [{"name": "u", "user": {"token": "one"}}],\n'
        '\t"contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],\n\t"current-context": "x"\n}',
        PLAIN,
    ),
    config_case("a byte order mark", b"\xef\xbb\xbf" + kubeconfig().encode(), PLAIN),
    config_case("Windows line ends", kubeconfig().replace("\n", "\r\n"), PLAIN),
    config_case("unknown keys", kubeconfig() + "more: {things: [1]}\npreferences: {colors: true}\n", PLAIN),
    config_case("a second document", kubeconfig() + "---\nkind: Secret\n", PLAIN),
    config_case("neither kind nor apiVersion", kubeconfig().replace("apiVersion: v1\nkind: Config\n", ""), PLAIN),
    config_case("null in place of a value", kubeconfig(user="token: one, username: null, exec: null"), PLAIN),
    config_case("a token like a date", kubeconfig(user="token: 2026-11-28"), "A: Bearer 2026-11-28"),
    config_case("a token like a time", kubeconfig(user="token: 12:30:45"), "A: Bearer 12:30:45"),
    config_case("a token like a power", kubeconfig(user="token: 1e3"), REFUSED, "users.0.user.token must be text"),
    config_case("a context named y", kubeconfig(name="y", current="y"), REFUSED, "current-context must be text"),
    config_case("a merged mapping", kubeconfig(user="<<: {token: one}"), PLAIN),
    config_case(
        "preferences of a wrong type", kubeconfig() + "preferences: []\n", REFUSED, "preferences must be a mapping"
    ),
    config_case("bytes that are no text", b"\xff\xfe\x00clusters: \x80\x81", REFUSED, "is not UTF-8 text"),
    config_case("Latin-1", kubeconfig().replace("it", "caf\xe9").encode("latin-1"), REFUSED, "is not UTF-8 text"),
    config_case("a file of comments", "# nothing\n", LOCALHOST, "it has no current context"),
    config_case("an empty file", "", LOCALHOST, "it has no current context"),
    config_case("plain text", "hello\n", REFUSED, "must be a YAML mapping"),
    config_case("a list", "- clusters: []\n", REFUSED, "must be a YAML mapping"),
    config_case("another kind", kubeconfig().replace("kind: Config", "kind: Secret"), REFUSED, "has kind 'Secret'"),
    config_case(
        "another version", kubeconfig().replace("apiVersion: v1", "apiVersion: v2"), REFUSED, "apiVersion 'v2'"
    ),
    config_case("a tab in YAML", kubeconfig().replace("  cluster:", "\tcluster:"), REFUSED, "is not valid YAML"),
    config_case("a number for a token", kubeconfig(user="token: 12345"), REFUSED, "users.0.user.token must be text"),
    config_case(
        "a wrong type in an entry that nobody selects",
        kubeconfig().replace("contexts:", "- {name: x, user: {tokenFile: [x]}}\ncontexts:"),
        REFUSED,
        "users.1.user.tokenFile",
    ),
    config_case(
        "text for yes or no",
        kubeconfig(cluster='insecure-skip-tls-verify: "true"'),
        REFUSED,
        "insecure-skip-tls-verify must be true or false",
    ),
    config_case(
        "data that is no base64", kubeconfig(cluster="certificate-authority-data: '?'"), REFUSED, "must be base64"
    ),
    config_case(
        "clusters as a mapping",
        kubeconfig().replace("clusters:\n-", "clusters:\n "),
        REFUSED,
        "clusters must be a list",
    ),
    config_case(
        "two clusters of one name",
        kubeconfig().replace("users:", '- {name: kubernetes, cluster: {server: "@B@"}}\nusers:'),
        REFUSED,
        "has two clusters named 'kubernetes'",
    ),
    config_case(
        "two users of one name",
        kubeconfig().replace("contexts:", "- {name: kubernetes-admin, user: {token: two}}\ncontexts:"),
        REFUSED,
        "has two users named 'kubernetes-admin'",
    ),
]
CASES = [*FILES, *CONTEXTS, *FORMS, *CLUSTERS, *USERS, *PLUGINS]
