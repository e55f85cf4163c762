"""Downloads official releases: with short timeouts, resumed, verified against the published checksum, and unpacked."""

import contextlib
import hashlib
import json
import shutil
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import httpx

from devtools.toolchain.tools import Download

CONNECT_SECONDS = 3.0
"""Seconds to connect, after which a host counts as unreachable and the tool is built instead."""

READ_SECONDS = 10.0
"""Longest pause between two chunks of a file, seconds."""

WINDOW_SECONDS = 30.0
"""Seconds for which a server may be slow before another source is tried, long enough for a short interruption."""

MIN_WINDOW_BYTES = 1 << 20
"""Bytes that a server must send in that time, about 35 KiB/s. The read timeout does not detect a server that sends
single bytes. The larger files have about 100 MB, which take
50 minutes at this rate, twice as long as a build of everything.
"""

Progress = Callable[[str], None]
"""Receives the state of a step as text."""


class SourceUnavailableError(Exception):
    """The release cannot be downloaded: no answer, a refusal, or a file that differs from the published one."""


class TooSlowError(Exception):
    """A server sends less than the minimum rate."""


class Pace:
    """Checks the rate of a download.

    Args:
        window_seconds: length of the consecutive windows that are checked.
        min_bytes: minimum number of bytes in a window.
        now: time of the start, seconds.
    """

    def __init__(self, window_seconds: float, min_bytes: int, now: float) -> None:
        self._window_seconds = window_seconds
        self._min_bytes = min_bytes
        self._since = now
        self._bytes = 0

    def count(self, size: int, now: float) -> None:
        """Counts a chunk.

        Args:
            size: size of the chunk in bytes.
            now: time of its arrival, seconds.

        Raises:
            TooSlowError: the window that ends with it has too few bytes.
        """
        self._bytes += size
        if now - self._since < self._window_seconds:
            return
        if self._bytes < self._min_bytes:
            raise TooSlowError(f"{self._bytes >> 10} KiB in {now - self._since:.0f} s")
        self._since, self._bytes = now, 0


class Downloader:
    """Downloads releases. A host that failed to answer once is not asked again.

    Args:
        folder: directory of partial downloads, which the next run continues.
        connect_seconds: timeout of a connection.
        read_seconds: timeout between two chunks.
        window_seconds: seconds in which a server must send at least `MIN_WINDOW_BYTES`.
    """

    def __init__(
        self,
        folder: Path,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        window_seconds: float = WINDOW_SECONDS,
    ) -> None:
        self._folder = folder
        self._window_seconds = window_seconds
        self._silent: dict[str, str] = {}
        timeout = httpx.Timeout(read_seconds, connect=connect_seconds)
        self._client = httpx.Client(follow_redirects=True, timeout=timeout)

    def fetch(self, download: Download, binaries: tuple[str, ...], target: Path, progress: Progress) -> None:
        """Downloads and verifies the binaries of a release into a folder.

        Raises:
            SourceUnavailableError: it cannot be downloaded; the folder is empty.
        """
        expected = self._published_checksum(download)
        file = self._part(download)
        resumed = file.exists()
        self._fetch_rest(download, file, progress)
        if resumed and _sha256(file) != expected:
            # The partial file may have been the beginning of another file. A second attempt is quicker than a build.
            file.unlink()
            self._fetch_rest(download, file, progress)
        actual = _sha256(file)
        if actual != expected:
            file.unlink()
            raise SourceUnavailableError(f"{download.file_name} has SHA-256 {actual}, published is {expected}")
        if download.members:
            unpack(file, download.members, target)
        else:
            shutil.copyfile(file, target / binaries[0])
        file.unlink()

    def _published_checksum(self, download: Download) -> str:
        with self._asking(download.checksum_url) as response:
            content_type = response.headers.get("content-type", "")
            body = b"".join(self._pieces(response))
        if content_type.startswith("application/json"):
            assets = {asset["name"]: asset.get("digest") for asset in json.loads(body).get("assets", [])}
            checksum = (assets.get(download.file_name) or "").removeprefix("sha256:")
        else:
            checksum = _checksum_in(body.decode(errors="replace"), download.file_name)
        if not checksum:
            raise SourceUnavailableError(f"{download.checksum_url} has no checksum of {download.file_name}")
        return checksum

    def _part(self, download: Download) -> Path:
        """The path of a file during its download, which is different for each URL, and so for each version."""
        of_url = hashlib.sha256(download.url.encode()).hexdigest()[:16]
        return self._folder / f"{of_url}-{download.file_name}.part"

    def _fetch_rest(self, download: Download, part: Path, progress: Progress) -> None:
        """Continues the download of a partial file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._asking(download.url, headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # it is complete; its checksum decides
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            done = have if resumed else 0
            total = done + int(response.headers.get("content-length", 0))
            with part.open("ab" if resumed else "wb") as file:
                for piece in self._pieces(response):
                    file.write(piece)
                    done += len(piece)
                    progress(f"downloading, {done >> 20} of {total >> 20} MiB")

    @contextlib.contextmanager
    def _asking(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
        """Opens the answer to one GET, and converts errors during its reading into those of this module."""
        self._refuse_silent_host(url)
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                # A range beyond the end of the file (416) is a valid answer to a request for the rest of a complete
                # file.
                if response.status_code != httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE or not headers:
                    _refuse_errors(response)
                yield response
        except (httpx.HTTPError, TooSlowError) as error:
            raise self._unavailable(url, error) from error

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        """The body in chunks as they arrive.

        With chunks of a fixed size, a slow server would not be noticed until one is full.
        """
        pace = Pace(self._window_seconds, MIN_WINDOW_BYTES, time.monotonic())
        for piece in response.iter_bytes():
            yield piece
            pace.count(len(piece), time.monotonic())

    def _refuse_silent_host(self, url: str) -> None:
        reason = self._silent.get(urlsplit(url).netloc)
        if reason is not None:
            raise SourceUnavailableError(reason)

    def _unavailable(self, url: str, error: httpx.HTTPError | TooSlowError) -> SourceUnavailableError:
        host = urlsplit(url).netloc
        reason = f"{host}: {error if isinstance(error, TooSlowError) else type(error).__name__}"
        if isinstance(error, httpx.ConnectError | httpx.TimeoutException | httpx.ProxyError | TooSlowError):
            self._silent[host] = reason
        return SourceUnavailableError(reason)


def _refuse_errors(response: httpx.Response) -> None:
    if not response.is_success:
        raise SourceUnavailableError(f"{response.url.host} answered {response.status_code}")


def _checksum_in(text: str, file_name: str) -> str:
    """The checksum of a file from a list of `checksum name` lines, or from a file with only the checksum."""
    words = [line.split() for line in text.splitlines() if line.strip()]
    if len(words) == 1 and len(words[0]) == 1:
        return words[0][0]
    return next((line[0] for line in words if line[-1].lstrip("*") == file_name), "")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def unpack(archive: Path, members: Mapping[str, str], target: Path) -> None:
    """Extracts the named members of an archive under names of our own. Paths of the archive are not used.

    Raises:
        SourceUnavailableError: a member is missing or is no plain file.
    """
    with contextlib.ExitStack() as opened:
        try:
            if archive.name.removesuffix(".part").endswith(".zip"):
                zipped = opened.enter_context(zipfile.ZipFile(archive))
                sources = {name: zipped.open(member) for name, member in members.items()}
            else:
                tarred = opened.enter_context(tarfile.open(archive))
                sources = {name: _plain_file(tarred, member) for name, member in members.items()}
        except KeyError as error:
            raise SourceUnavailableError(f"{archive.name}: {error.args[0]}") from None
        for name, source in sources.items():
            with (target / name).open("wb") as file:
                shutil.copyfileobj(source, file)


def _plain_file(archive: tarfile.TarFile, member: str) -> IO[bytes]:
    source = archive.extractfile(member)
    if source is None:
        raise SourceUnavailableError(f"{member} in the archive is no plain file")
    return source
