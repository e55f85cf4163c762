"""The part of HTTP/1.1 that is needed to keep a connection open and to observe the result of each request."""

import asyncio
from dataclasses import dataclass

LONGEST_SECONDS = 10
"""Seconds after which a message has failed."""

CLOSE = "close"


@dataclass(frozen=True)
class HttpMessage:
    """One complete request or response.

    Attributes:
        first: first line of the message.
        headers: values of the headers by name in lower case.
        raw: head and body as they were received.
    """

    first: str
    headers: dict[str, str]
    raw: bytes

    @property
    def closes(self) -> bool:
        """Whether the connection is closed after this message."""
        return self.headers.get("connection", "").lower() == CLOSE

    @property
    def status(self) -> int:
        """The status of an answer."""
        return int(self.first.split(" ")[1])


async def read_message(reader: asyncio.StreamReader) -> HttpMessage:
    """Reads one message with a content-length.

    Raises:
        asyncio.IncompleteReadError: the connection ended first.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return HttpMessage(first, headers, head + body)


@dataclass
class Connection:
    """A connection that this process has opened."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def ended(self) -> bool:
        """Whether the other side is known to have closed the connection."""
        return self.reader.at_eof() or self.writer.is_closing()

    async def ask(self, request: bytes) -> HttpMessage:
        """Sends a request and reads its answer. Raises OSError, EOFError or TimeoutError."""
        async with asyncio.timeout(LONGEST_SECONDS):
            self.writer.write(request)
            return await read_message(self.reader)

    def close(self) -> None:
        """Closes it."""
        self.writer.close()


async def connect(address: str, port: int) -> Connection:
    """Opens a connection. Raises OSError or TimeoutError."""
    async with asyncio.timeout(LONGEST_SECONDS):
        return Connection(*await asyncio.open_connection(address, port))
