"""Every Python file is short enough to be read at one sitting."""

from pathlib import Path

LONGEST = 300
"""Lines of a file. What is longer is about more than one thing: it is split by subject."""

PROJECT = Path(__file__).resolve().parents[2]


def lengths() -> dict[str, int]:
    """Lines of every Python file of the project, by its path."""
    folders = [PROJECT / "examples", *(init.parent for init in PROJECT.glob("*/__init__.py"))]
    files = [*PROJECT.glob("*.py"), *(file for folder in folders for file in folder.rglob("*.py"))]
    return {str(file.relative_to(PROJECT)): len(file.read_text().splitlines()) for file in files}


def test_no_python_file_is_longer_than_300_lines() -> None:
    counts = lengths()
    assert {"__main__.py", "switchyard/config/loader.py", "examples/backend/app.py"} <= counts.keys()
    assert {path: count for path, count in counts.items() if count > LONGEST} == {}
