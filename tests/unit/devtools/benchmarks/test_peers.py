"""Every peer of the benchmark is measured, and the page can say why it may be ahead of this program."""

import ast
import inspect

from devtools.benchmarks import peers
from devtools.benchmarks.method import Method
from devtools.benchmarks.report_traffic import WHY_FASTER

CLASSES: dict[str, type[Method]] = {
    name: member
    for name, member in inspect.getmembers(peers, inspect.isclass)
    if issubclass(member, Method) and member is not Method
}
CALLS = [
    node
    for node in ast.walk(ast.parse(inspect.getsource(peers)))
    if isinstance(node, ast.Call) and ast.unparse(node.func) in CLASSES
]


def name_of(call: ast.Call) -> str:
    """The name that a peer has in the table: that of its class, or its first argument."""
    of_class = getattr(CLASSES[ast.unparse(call.func)], "name", None)
    return str(of_class or getattr(peers, ast.unparse(call.args[0])))


def test_every_peer_is_measured() -> None:
    assert CLASSES.keys() - {ast.unparse(call.func) for call in CALLS} == set(), "add the peer to `methods` of peers.py"
    assert len(CALLS) > 5


def test_every_peer_has_a_reason_why_it_may_be_ahead() -> None:
    names = {name_of(call) for call in CALLS}
    assert peers.OURS in names
    forgotten = names - {peers.OURS} - WHY_FASTER.keys()
    assert forgotten == set(), "add a reason to WHY_FASTER of devtools/benchmarks/report_traffic.py"
    assert WHY_FASTER.keys() <= names
