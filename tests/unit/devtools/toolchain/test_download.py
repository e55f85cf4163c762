"""The download path, against a server that behaves and one that does not."""

import io
import socket
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devtools.toolchain.download import Downloader, Pace, SourceUnavailableError, TooSlowError, unpack
from devtools.toolchain.tools import Download
from tests.support.release_server import Releases, serving

CONTENT = b"a tool, " * 100_000
OTHER = b"another " * 100_000


@pytest.fixture
def releases() -> Iterator[Releases]:
    with serving() as running:
        yield running


@pytest.fixture
def downloader(tmp_path: Path) -> Downloader:
    return Downloader(tmp_path / "downloads", connect_seconds=0.2, read_seconds=2)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def parts(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "downloads").glob("*"))


def cut_off(releases: Releases, downloader: Downloader, target: Path, name: str) -> Download:
    """Fetches a file in part; what was asked for until then is forgotten."""
    download = releases.publish(name, CONTENT)
    releases.cut_at = 300_000
    with pytest.raises(SourceUnavailableError):
        fetch(downloader, download, target)
    releases.cut_at = None
    releases.asked.clear()
    return download


def fetch(downloader: Downloader, download: Download, target: Path) -> list[str]:
    said: list[str] = []
    downloader.fetch(download, ("tool",), target, said.append)
    return said


@pytest.mark.parametrize("github", [False, True], ids=["checksum file", "release API"])
def test_a_good_file_is_installed_and_progress_is_reported(
    releases: Releases, downloader: Downloader, target: Path, tmp_path: Path, github: bool
) -> None:
    said = fetch(downloader, releases.publish("tool-linux-amd64", CONTENT, github=github), target)
    assert (target / "tool").read_bytes() == CONTENT
    assert said[-1].startswith("downloading, ")
    assert parts(tmp_path) == []


def test_a_wrong_checksum_is_refused_and_leaves_nothing(
    releases: Releases, downloader: Downloader, target: Path, tmp_path: Path
) -> None:
    with pytest.raises(SourceUnavailableError, match=f"published is {'0' * 64}"):
        fetch(downloader, releases.publish("tool", CONTENT, "0" * 64), target)
    assert releases.asked == [("/tool.sha256", None), ("/tool", None)]
    assert list(target.iterdir()) == []
    assert parts(tmp_path) == []


def test_a_release_without_a_published_checksum_is_refused(
    releases: Releases, downloader: Downloader, target: Path
) -> None:
    download = releases.publish("tool", CONTENT)
    releases.files["/tool.sha256"] = b"abc  another-file\ndef  a-third\n"
    with pytest.raises(SourceUnavailableError, match="has no checksum of tool"):
        fetch(downloader, download, target)


def test_an_interrupted_download_is_resumed(
    releases: Releases, downloader: Downloader, target: Path, tmp_path: Path
) -> None:
    download = releases.publish("tool", CONTENT)
    releases.cut_at = 300_000
    with pytest.raises(SourceUnavailableError):
        fetch(downloader, download, target)
    [part] = parts(tmp_path)
    have = part.stat().st_size
    assert 0 < have <= 300_000
    assert list(target.iterdir()) == []

    releases.cut_at = None
    fetch(downloader, download, target)
    assert releases.asked[-1] == ("/tool", f"bytes={have}-")
    assert (target / "tool").read_bytes() == CONTENT


def test_a_server_without_range_support_sends_the_file_again(
    releases: Releases, downloader: Downloader, target: Path
) -> None:
    download = cut_off(releases, downloader, target, "tool")
    releases.ranges = False
    fetch(downloader, download, target)
    assert len(releases.asked) == 2
    assert (target / "tool").read_bytes() == CONTENT


def test_an_interrupted_download_is_not_resumed_for_another_version(
    releases: Releases, downloader: Downloader, target: Path
) -> None:
    cut_off(releases, downloader, target, "v1/tool")
    fetch(downloader, releases.publish("v2/tool", OTHER), target)
    assert releases.asked == [("/v2/tool.sha256", None), ("/v2/tool", None)]
    assert (target / "tool").read_bytes() == OTHER


def test_a_resumed_file_with_a_wrong_checksum_is_fetched_once_more_from_its_beginning(
    releases: Releases, downloader: Downloader, target: Path
) -> None:
    cut_off(releases, downloader, target, "tool")
    download = releases.publish("tool", OTHER)  # the same name has other content from now on
    fetch(downloader, download, target)
    assert [path for path, _ in releases.asked] == ["/tool.sha256", "/tool", "/tool"]
    assert (releases.asked[1][1] or "").startswith("bytes=")
    assert releases.asked[2][1] is None
    assert (target / "tool").read_bytes() == OTHER


def test_a_resumed_file_with_a_wrong_checksum_both_times_is_refused(
    releases: Releases, downloader: Downloader, target: Path, tmp_path: Path
) -> None:
    cut_off(releases, downloader, target, "tool")
    with pytest.raises(SourceUnavailableError, match=f"published is {'0' * 64}"):
        fetch(downloader, releases.publish("tool", CONTENT, "0" * 64), target)
    assert len(releases.asked) == 3
    assert parts(tmp_path) == []


@pytest.mark.parametrize("path", ["/tool", "/tool.sha256"])
def test_a_server_that_trickles_is_aborted_and_not_asked_again(
    releases: Releases, target: Path, tmp_path: Path, path: str
) -> None:
    downloader = Downloader(tmp_path / "downloads", window_seconds=0.1)
    download = releases.publish("tool", CONTENT)
    releases.trickle = path
    for _ in range(2):
        with pytest.raises(SourceUnavailableError, match=r"^127\.0\.0\.1:\d+: 0 KiB in \d+ s$"):
            fetch(downloader, download, target)
    assert releases.asked[-1] == (path, None)
    assert len(releases.asked) == len({path, "/tool.sha256"})


def test_a_server_is_aborted_in_the_first_window_that_brings_too_little() -> None:
    pace = Pace(window_seconds=30, min_bytes=1000, now=100)
    pace.count(999, now=129)
    pace.count(1, now=130)
    pace.count(1000, now=131)
    pace.count(0, now=160)
    with pytest.raises(TooSlowError, match="0 KiB in 31 s"):
        pace.count(999, now=191)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_says_who_refused_and_how(
    releases: Releases, downloader: Downloader, target: Path, status: int
) -> None:
    download = releases.publish("tool", CONTENT)
    releases.status = status
    with pytest.raises(SourceUnavailableError, match=f"127.0.0.1 answered {status}"):
        fetch(downloader, download, target)


def test_a_host_that_hangs_is_aborted_and_not_asked_again(
    releases: Releases, downloader: Downloader, target: Path
) -> None:
    download = releases.publish("tool", CONTENT)
    releases.hang = True
    for _ in range(3):
        with pytest.raises(SourceUnavailableError, match="ReadTimeout"):
            fetch(downloader, download, target)
    assert len(releases.asked) == 1


def test_a_refused_connection_is_reported_at_once(downloader: Downloader, target: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(SourceUnavailableError, match="ConnectError"):
            fetch(downloader, Download(f"{url}/tool", f"{url}/tool.sha256"), target)


def tar(entries: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, to in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, to
            archive.addfile(info)
    return packed.getvalue()


def zipped(entries: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(("name", "pack"), [("tool.tar.gz", tar), ("tool.zip", zipped)])
def test_only_the_named_member_of_an_archive_is_taken(
    releases: Releases, downloader: Downloader, target: Path, tmp_path: Path, name: str, pack: object
) -> None:
    entries = {"v1/tool": CONTENT, "v1/README": b"no", "../outside": b"no"}
    content = pack(entries)  # type: ignore[operator]
    download = replace(releases.publish(name, content), members={"tool": "v1/tool"})
    fetch(downloader, download, target)
    assert [file.name for file in target.iterdir()] == ["tool"]
    assert not (tmp_path / "outside").exists()


def test_an_archive_without_the_member_is_refused(tmp_path: Path, target: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(tar({"other": b"x"}))
    with pytest.raises(SourceUnavailableError, match="tool"):
        unpack(tmp_path / "a.tar.gz", {"tool": "v1/tool"}, target)


def test_a_member_that_points_out_of_the_archive_is_refused(tmp_path: Path, target: Path) -> None:
    (tmp_path / "secret").write_text("of the machine")
    (tmp_path / "a.tar.gz").write_bytes(tar({}, links={"tool": str(tmp_path / "secret")}))
    with pytest.raises(SourceUnavailableError):
        unpack(tmp_path / "a.tar.gz", {"tool": "tool"}, target)
    assert list(target.iterdir()) == []
