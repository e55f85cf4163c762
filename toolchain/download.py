"""Official releases: fetched with short time-outs, resumed, verified against the published checksum, unpacked."""

import contextlib
import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import httpx

from toolchain.versions import Download

CONNECT_SECONDS = 3.0
"""A host that takes longer is taken for one that cannot be reached, and the tool is built instead."""

READ_SECONDS = 10.0
"""The longest pause between two pieces of a file."""

Progress = Callable[[str], None]
"""Takes how far a step is, as text."""


class SourceUnavailableError(Exception):
    """The release cannot be had from here: no answer, a refusal, or not what was published."""


class Downloader:
    """Fetches releases, and does not ask a host again that failed to answer once.

    Args:
        folder: keeps what was fetched in part, so that the next run goes on from there.
        connect_seconds: time-out of a connection.
        read_seconds: time-out between two pieces.
    """

    def __init__(
        self, folder: Path, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS
    ) -> None:
        self._folder = folder
        self._silent: dict[str, str] = {}
        timeout = httpx.Timeout(read_seconds, connect=connect_seconds)
        self._client = httpx.Client(follow_redirects=True, timeout=timeout)

    def fetch(self, download: Download, binaries: tuple[str, ...], target: Path, progress: Progress) -> None:
        """Puts the binaries of a release into a folder, verified.

        Raises:
            SourceUnavailableError: it cannot be had; nothing is in the folder.
        """
        expected = self._published_checksum(download)
        file = self._file(download, progress)
        found = _sha256(file)
        if found != expected:
            file.unlink()
            raise SourceUnavailableError(f"{download.file_name} has SHA-256 {found}, published is {expected}")
        if download.members:
            unpack(file, download.members, target)
        else:
            shutil.copyfile(file, target / binaries[0])
        file.unlink()

    def _published_checksum(self, download: Download) -> str:
        response = self._get(download.checksum_url)
        if response.headers.get("content-type", "").startswith("application/json"):
            assets = {asset["name"]: asset.get("digest") for asset in response.json().get("assets", [])}
            checksum = (assets.get(download.file_name) or "").removeprefix("sha256:")
        else:
            checksum = _checksum_in(response.text, download.file_name)
        if not checksum:
            raise SourceUnavailableError(f"{download.checksum_url} has no checksum of {download.file_name}")
        return checksum

    def _file(self, download: Download, progress: Progress) -> Path:
        """Fetches to a partial file, from where an earlier run left off."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{download.file_name}.part"
        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        self._ask_no_silent_host(download.url)
        try:
            with self._client.stream("GET", download.url, headers=headers) as response:
                if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return part  # it is complete; its checksum decides
                _refuse_errors(response)
                resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
                done = have if resumed else 0
                total = done + int(response.headers.get("content-length", 0))
                with part.open("ab" if resumed else "wb") as file:
                    for piece in response.iter_bytes(1 << 18):
                        file.write(piece)
                        done += len(piece)
                        progress(f"downloading, {done >> 20} of {total >> 20} MiB")
        except httpx.HTTPError as error:
            raise self._unavailable(download.url, error) from error
        return part

    def _get(self, url: str) -> httpx.Response:
        self._ask_no_silent_host(url)
        try:
            response = self._client.get(url)
        except httpx.HTTPError as error:
            raise self._unavailable(url, error) from error
        _refuse_errors(response)
        return response

    def _ask_no_silent_host(self, url: str) -> None:
        reason = self._silent.get(urlsplit(url).netloc)
        if reason is not None:
            raise SourceUnavailableError(reason)

    def _unavailable(self, url: str, error: httpx.HTTPError) -> SourceUnavailableError:
        host = urlsplit(url).netloc
        reason = f"{host}: {type(error).__name__}"
        if isinstance(error, httpx.ConnectError | httpx.TimeoutException | httpx.ProxyError):
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
