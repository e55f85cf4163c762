"""The order of files between workers: one that has ended a file takes the next, so the longest come first."""

from collections.abc import Sequence

import pytest


def longest_first(items: list[pytest.Item], files: Sequence[str]) -> None:
    """Sorts collected tests by their files.

    Args:
        items: the tests, which are sorted in place.
        files: names without suffix of the files that take longest, in this order; all others keep theirs.
    """
    places = {file: place for place, file in enumerate(files)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
