"""Kubeconfigs that nobody writes on purpose end in one message, not in a traceback."""

from pathlib import Path

import pytest

from switchyard.errors import KubeconfigError
from switchyard.kube.kubeconfig.file import read_content, read_file


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"- " * 5000,
        b"clusters: &c [*c]\n",
        b"contexts: &c {b: *c}\n",
        b"clusters: [{name: x, cluster: {server: https://a, extensions: &e [*e]}}]\n",
        b"? [a]\n: x\n",
        b"? {a: b}\n: x\n",
        b"a: !!python/object:os.system x\n",
        b"a: !!timestamp x\n",
        b"a: !!int x\n",
        b"b: *c\n",
        b"\0\0",
    ],
)
def test_an_unusable_kubeconfig_is_one_message(content: bytes) -> None:
    with pytest.raises(KubeconfigError) as error:
        read_content(content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"x: &x [*x]\n", b"<<: &m {<<: *m}\n", b"users: [&u {name: a, user: *u}]\n", b""])
def test_unused_entries_of_a_kubeconfig_are_not_read(content: bytes) -> None:
    assert not read_content(content).clusters


def test_a_path_with_a_nul_byte_is_refused() -> None:
    with pytest.raises(KubeconfigError, match="is not a path of a file"):
        read_file(Path("/tmp/a\0b"))  # noqa: S108 - no file
