"""Reading the cgroups of real nodes while pods come and go."""

from pathlib import Path

from devtools.sandbox.cgroups import below


def test_groups_that_end_in_the_meantime_are_left_out(tmp_path: Path) -> None:
    for name in ("ends", "stays"):
        (tmp_path / name / "pod").mkdir(parents=True)
    groups = below(tmp_path)
    assert next(groups) == tmp_path
    (tmp_path / "ends" / "pod").rmdir()
    (tmp_path / "ends").rmdir()
    assert set(groups) == {tmp_path / "stays", tmp_path / "stays" / "pod"}


def test_a_group_that_is_gone_has_none(tmp_path: Path) -> None:
    assert list(below(tmp_path / "gone")) == []
