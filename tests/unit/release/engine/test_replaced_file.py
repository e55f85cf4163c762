"""A file that is changed in one step: the old content or the new one, never a part."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from switchyard.release.engine import replaced_file
from switchyard.release.engine.replaced_file import replaced


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.test.yaml"
    path.write_text("old")
    path.chmod(0o640)
    return path


def test_the_new_content_comes_in_one_step_with_the_mode_of_the_file(file: Path) -> None:
    with replaced(file) as copy:
        assert (copy.parent, copy.suffix, copy.read_text()) == (file.parent, ".yaml", "old")
        copy.write_text("new")
        assert file.read_text() == "old"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o640)
    assert list(file.parent.iterdir()) == [file]


def test_an_error_leaves_the_file_as_it_was(file: Path) -> None:
    def fail_half_way() -> None:
        with replaced(file) as copy:
            copy.write_text("")
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        fail_half_way()
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


def test_of_two_changes_at_the_same_time_none_is_lost(file: Path) -> None:
    copied = threading.Event()

    def change(text: str) -> None:
        with replaced(file) as copy:
            copied.set()
            before = copy.read_text()
            threading.Event().wait(0.1)  # as long as the engine takes
            copy.write_text(f"{before} {text}")

    with ThreadPoolExecutor() as pool:
        first = pool.submit(change, "a")
        assert copied.wait(5)
        second = pool.submit(change, "b")
    first.result(), second.result()
    assert file.read_text() == "old a b"


def test_a_process_that_was_suspended_during_a_change_is_not_waited_for_without_end(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaced_file, "LOCK_SECONDS", 0.1)
    with replaced(file), replaced(file) as copy:
        copy.write_text("new")
        assert file.read_text() == "old"


def test_a_symbolic_link_stays_one(file: Path, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    link = tmp_path / "project" / "Pulumi.test.yaml"
    link.symlink_to(file)
    with replaced(link) as copy:
        copy.write_text("new")
    assert (link.is_symlink(), file.read_text()) == (True, "new")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file to somebody else")
def test_the_owner_stays(file: Path) -> None:
    os.chown(file, 12345, 12346)
    with replaced(file) as copy:
        copy.write_text("new")
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 12346)
