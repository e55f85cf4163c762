"""Official releases: fetched with short time-outs, resumed, verified against the published checksum, unpacked."""

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
"""A host that takes longer is taken for one that cannot be reached, and the tool is built instead."""

READ_SECONDS = 10.0
"""The longest pause between two pieces of a file."""

WINDOW_SECONDS = 30.0
"""How long a server may be slow before another source is tried: long enough for a link that falters and comes back."""

MIN_WINDOW_BYTES = 1 << 20
"""What a server must send in that time, about 35 KiB/s.

The read time-out never ends a server that sends a byte now and then. The larger files have about 100 MB, which take
50 minutes at this rate, twice as long as a build of everything.
"""

Progress = Callable[[str], None]
"""Takes how far a step is, as text."""


class SourceUnavailableError(Exception):
    """The release cannot be had from here: no answer, a refusal, or not what was published."""


class TooSlowError(Exception):
    """A server sends less than the least that is worth waiting for."""


class Pace:
    """Watches how much comes in.

    Args:
        window_seconds: length of the windows that are looked at, one after the other.
        min_bytes: the least that a window must bring.
        now: the time when it begins, in seconds.
    """

    def __init__(self, window_seconds: float, min_bytes: int, now: float) -> None:
        self._window_seconds = window_seconds
        self._min_bytes = min_bytes
        self._since = now
        self._bytes = 0

    def count(self, size: int, now: float) -> None:
        """Counts a piece.

        Args:
            size: size of the piece in bytes.
            now: the time when it came, in seconds.

        Raises:
            TooSlowError: the window that ends with it brought too little.
        """
        self._bytes += size
        if now - self._since < self._window_seconds:
            return
        if self._bytes < self._min_bytes:
            raise TooSlowError(f"{self._bytes >> 10} KiB in {now - self._since:.0f} s")
        self._since, self._bytes = now, 0


class Downloader:
    """Fetches releases, and does not ask a host again that failed to answer once.

    Args:
        folder: keeps what was fetched in part, so that the next run goes on from there.
        connect_seconds: time-out of a connection.
        read_seconds: time-out between two pieces.
        window_seconds: how long a server may be slower than `MIN_WINDOW_BYTES` in that time.
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
        """Puts the binaries of a release into a folder, verified.

        Raises:
            SourceUnavailableError: it cannot be had; nothing is in the folder.
        """
        expected = self._published_checksum(download)
        file = self._part(download)
        resumed = file.exists()
        self._fetch_rest(download, file, progress)
        if resumed and _sha256(file) != expected:
            # What lay there may have been the beginning of something else. A build takes longer than a second try.
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
        """Fetches to a partial file, from where an earlier run left off."""
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
        """Opens the answer to one GET, and puts what goes wrong while it is read into this module's words."""
        self._ask_no_silent_host(url)
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                # Beyond the end of a file is an answer as well, to a question about the rest of it.
                if response.status_code != httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE or not headers:
                    _refuse_errors(response)
                yield response
        except (httpx.HTTPError, TooSlowError) as error:
            raise self._unavailable(url, error) from error

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        """The body as it comes. In pieces of a fixed size, a trickle would go unseen until it has filled one."""
        pace = Pace(self._window_seconds, MIN_WINDOW_BYTES, time.monotonic())
        for piece in response.iter_bytes():
            yield piece
            pace.count(len(piece), time.monotonic())

    def _ask_no_silent_host(self, url: str) -> None:
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
    """The checksum of a file in a list of `checksum name` lines, or in a file that holds nothing else."""
    words = [line.split() for line in text.splitlines() if line.strip()]
    if len(words) == 1 and len(words[0]) == 1:
        return words[0][0]
    return next((line[0] for line in words if line[-1].lstrip("*") == file_name), "")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def unpack(archive: Path, members: Mapping[str, str], target: Path) -> None:
    """Takes the named members out of an archive, each to a name of our own: no path of the archive's is used.

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
