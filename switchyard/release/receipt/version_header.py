"""Determines which version has answered, by a response header. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from switchyard.config.models.service import Colour

Headers = Mapping[str, str]
"""Headers of one answer, by their names in lower case."""


@dataclass(frozen=True)
class HeaderSide:
    """The answers of the pods of one colour to requests that were sent to them directly.

    Attributes:
        colour: the colour of the pods.
        tag: the version of the pods; None if it is not known.
        answers: the headers of one answer of each pod.
        problem: why other pods did not answer; empty if all did.
    """

    colour: Colour
    tag: str | None
    answers: Sequence[Headers] = ()
    problem: str = ""

    def has_named(self, value: str) -> bool:
        """Whether a value is this side's colour, or its tag with or without a leading v."""
        plain = value.strip().casefold().removeprefix("v")
        return plain in {self.colour.value, (self.tag or self.colour.value).casefold().removeprefix("v")}

    def values(self, name: str) -> set[str | None]:
        """The values of a header in the answers; None for an answer without it."""
        return {answer.get(name) for answer in self.answers}


@dataclass(frozen=True)
class VersionHeader:
    """A response header that shows which of two versions has answered.

    Attributes:
        name: name of the header, in lower case.
        new: value of the header in answers of the new version.
        old: value of the header in answers of the old version; None if that has no pods.
    """

    name: str
    new: str
    old: str | None

    def is_new(self, headers: Headers) -> bool:
        """Whether an answer is the new version's."""
        return headers.get(self.name) == self.new

    def is_old(self, headers: Headers) -> bool:
        """Whether an answer is the old version's."""
        return self.old is not None and headers.get(self.name) == self.old


def version_header(new: HeaderSide, old: HeaderSide, wanted: str | None) -> VersionHeader | str:
    """The header that distinguishes two versions, or a sentence that says why there is none.

    Args:
        new: the version that will serve.
        old: the version that served.
        wanted: the configured header; None to search for a header with the tag or the colour.
    """
    if not new.answers:
        return f"no pod of {new.colour} could be asked: {new.problem or 'it has none'}"
    if not old.answers and old.problem:
        return f"no pod of {old.colour} could be asked: {old.problem}"
    names = sorted(set.intersection(*(set(answer) for answer in new.answers))) if wanted is None else [wanted.lower()]
    for name in names:
        header = _telling(name, new, old, named=wanted is None)
        if header is not None:
            return header
    if wanted is None:
        return f"no header of their answers is the tag or the colour of the pod; name one: {SETTING}"
    values = (f"{side.colour}: {', '.join(sorted(map(str, side.values(names[0]))))}" for side in (old, new))
    return f"the header {wanted} does not tell the versions apart ({'; '.join(values)})"


SETTING = "release.receipt.header"
"""The setting that names the header, below the service."""


def _telling(name: str, new: HeaderSide, old: HeaderSide, *, named: bool) -> VersionHeader | None:
    """The header as a `VersionHeader` if its value is the same for each colour and differs between them."""
    new_values, old_values = new.values(name), old.values(name)
    if len(new_values) != 1 or len(old_values) > 1 or new_values == old_values:
        return None
    [value] = new_values
    before = next(iter(old_values), None)
    if value is None or (old.answers and before is None):
        return None
    if named and not (new.has_named(value) and (before is None or old.has_named(before))):
        return None
    return VersionHeader(name, value, before)
