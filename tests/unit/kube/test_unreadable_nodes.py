"""Nodes that cannot be read: the advice fits the reason."""

import pytest

from switchyard.config.commands import clear_map
from switchyard.errors import NodesUnreadableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.nodes import read_nodes
from tests.support.api_server import FakeApiServer, denial, server

__all__ = ["server"]

NODES = "/api/v1/nodes"
WITHOUT = clear_map("switchyard:cluster.nodes")


def text(server: FakeApiServer) -> str:
    with pytest.raises(NodesUnreadableError) as error:
        read_nodes(ClusterAccess(str(server.kubeconfig)))
    return str(error.value)


def test_a_user_who_may_not_list_nodes_may_leave_out_the_table(server: FakeApiServer) -> None:
    server.answers["GET", NODES] = (403, denial("nodes is forbidden: User x cannot list resource nodes"))
    assert "User x cannot list resource nodes" in text(server)
    assert text(server).endswith(f"Grant it to the user of the kubeconfig. Or do not manage nodes: {WITHOUT}")


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_the_node_table_is_no_remedy_for_a_server_that_does_not_answer(server: FakeApiServer, status: int) -> None:
    server.answers["GET", NODES] = (status, denial("not now"))
    assert "not now" in text(server)
    assert "do not manage nodes" not in text(server)


def test_the_node_table_is_no_remedy_where_nothing_listens(server: FakeApiServer) -> None:
    server.kubeconfig.write_text(server.kubeconfig.read_text().replace("http://127.0.0.1:", "http://127.0.0.1:1/"))
    assert "do not manage nodes" not in text(server)
