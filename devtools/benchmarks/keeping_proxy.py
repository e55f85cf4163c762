"""A reverse proxy that keeps its connections to the nodes' ports open, as a load balancer does.

It never closes a connection to a node by itself, uses the open connections in rotation, and never repeats a request: a
request whose connection turns out to be closed is answered with 502.
"""

import asyncio
from collections.abc import Sequence

from devtools.benchmarks.http_messages import Connection, HttpMessage, connect, read_message

BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"

HOST = "127.0.0.1"


class KeepingProxy:
    """One proxy, on a free port of this machine.

    Args:
        addresses: addresses of the nodes; requests go to them in rotation.
        port: NodePort.
    """

    def __init__(self, addresses: Sequence[str], port: int) -> None:
        self._targets = list(addresses)
        self._target_port = port
        self._idle: dict[str, list[Connection]] = {address: [] for address in addresses}
        self._turn = 0
        self.opened = 0
        """Connections to nodes that it has opened."""
        self.port = 0

    async def start(self) -> None:
        """Begins to listen."""
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stops listening, and closes the idle connections."""
        self._server.close()
        for connection in (connection for idle in self._idle.values() for connection in idle):
            connection.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await read_message(reader)
                self._turn += 1
                answer = await self._forward(self._targets[self._turn % len(self._targets)], request)
                writer.write(answer)
        except (OSError, EOFError):
            pass  # the client has closed its connection
        finally:
            writer.close()

    async def _forward(self, address: str, request: HttpMessage) -> bytes:
        idle = [connection for connection in self._idle[address] if not connection.ended]
        self._idle[address] = idle
        connection = None
        try:
            if idle:
                connection = idle.pop(0)
            else:
                self.opened += 1
                connection = await connect(address, self._target_port)
            answer = await connection.ask(request.raw)
        except (OSError, EOFError, TimeoutError):
            if connection is not None:
                connection.close()
            return BAD_GATEWAY
        if answer.closes:
            connection.close()
        else:
            self._idle[address].append(connection)
        # The header concerns one connection only; the client's connection stays open.
        return answer.raw.replace(b"connection: close\r\n", b"", 1)
