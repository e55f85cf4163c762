"""The header that tells two versions apart: a wrong one would have the receipt claim what was not seen."""

import pytest

from switchyard.config.models.service import Colour
from switchyard.release.receipt.version_header import HeaderSide, VersionHeader, version_header


def sides(
    new: list[dict[str, str]], old: list[dict[str, str]], tags: tuple[str, str] = ("v2", "v1")
) -> tuple[HeaderSide, HeaderSide]:
    return HeaderSide(Colour.GREEN, tags[0], new), HeaderSide(Colour.BLUE, tags[1], old)


@pytest.mark.parametrize(
    ("new", "old", "name"),
    [
        ({"x-version": "v2"}, {"x-version": "v1"}, "x-version"),
        ({"x-version": "2"}, {"x-version": "V1"}, "x-version"),
        ({"x-colour": "green"}, {"x-colour": "blue"}, "x-colour"),
        ({"server": "v2", "date": "now"}, {"server": "v1", "date": "then"}, "server"),
    ],
)
def test_a_header_with_the_tag_or_the_colour_tells_without_a_setting(
    new: dict[str, str], old: dict[str, str], name: str
) -> None:
    header = version_header(*sides([new, new], [old]), None)
    assert header == VersionHeader(name, new[name], old[name])


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ([{"x-version": "v2"}], [{"x-version": "v2"}]),
        ([{"x-version": "v2"}, {"x-version": "v1"}], [{"x-version": "v1"}]),
        ([{"x-version": "v2"}], [{"x-version": "v1"}, {"x-version": "v2"}]),
        ([{"x-time": "3 ms"}], [{"x-time": "4 ms"}]),  # different, and yet not by version
        ([{"x-version": "v2"}], [{}]),
        ([{}], [{"x-version": "v1"}]),
    ],
)
def test_no_header_tells_where_pods_disagree_or_say_something_else(
    new: list[dict[str, str]], old: list[dict[str, str]]
) -> None:
    reason = version_header(*sides(new, old), None)
    assert isinstance(reason, str)
    assert "release.receipt.header" in reason


def test_two_colours_with_one_tag_differ_by_the_colour() -> None:
    new, old = {"x-version": "v1", "x-colour": "green"}, {"x-version": "v1", "x-colour": "blue"}
    header = version_header(*sides([new], [old], ("v1", "v1")), None)
    assert isinstance(header, VersionHeader)
    assert header.name == "x-colour"


def test_a_named_header_that_is_the_same_in_both_is_refused_with_its_values() -> None:
    reason = version_header(*sides([{"x-build": "7"}], [{"x-build": "7"}]), "X-Build")
    assert reason == "the header X-Build does not tell the versions apart (blue: 7; green: 7)"


def test_a_version_whose_old_colour_has_no_pods_is_known_by_its_own_value() -> None:
    header = version_header(*sides([{"x-version": "v2"}], []), None)
    assert header == VersionHeader("x-version", "v2", None)
    assert isinstance(header, VersionHeader)
    assert header.is_new({"x-version": "v2"})
    assert not header.is_old({"x-version": "v1"})
