"""An Elastic IP of a rehearsal: connections to its port are forwarded to a port of the loopback interface."""

import asyncio
import contextlib
import threading


class Forwarder:
    """Forwards connections from an address of this machine to its loopback interface.

    Args:
        address: where it listens; one of 127.0.0.0/8.
        port: where it listens.
        behind: port of 127.0.0.1 that it forwards to.
    """

    def __init__(self, address: str, port: int, behind: int) -> None:
        self._address = address
        self._port = port
        self._behind = behind

    def start(self) -> None:
        """Starts to listen. It may be called again after `end`.

        Raises:
            OSError: another process listens there.
        """
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._end = asyncio.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._listening.wait()
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Stops listening and closes open connections."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                connections.add(task)
                task.add_done_callback(connections.discard)
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._both(reader, writer)

        try:
            server = await asyncio.start_server(lead, self._address, self._port)
        except OSError as error:
            self._error = error
            return
        finally:
            self._listening.set()
        async with server:
            await self._end.wait()
            server.close()
            for task in list(connections):
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def _both(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            there, back = await asyncio.open_connection("127.0.0.1", self._behind)
            with contextlib.closing(back):
                ways = {asyncio.ensure_future(_copy(reader, back)), asyncio.ensure_future(_copy(there, writer))}
                try:
                    # The end of one direction ends the other, because HTTP over TLS has no half-open connections.
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
