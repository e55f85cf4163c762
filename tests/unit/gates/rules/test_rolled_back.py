"""A version that was rolled back returns only when an operator asks for it."""

import pytest

from switchyard.config.models.service import Track
from switchyard.gates.rules.rolled_back import refuse_rolled_back, warn_rollbacks_unknown
from switchyard.kube.rolled_back import RolledBack
from tests.support.configuration import changed, read

SERVICE = read({"backend": changed("green.replicas", 3)}).services["backend"]
ROLLBACK = RolledBack("green", "v2.0.0", "20300131-1", "2030-01-31T12:00:00Z", "ada", "500s on /pay")


def test_the_refusal_names_who_when_why_and_both_ways_on() -> None:
    refusal = str(refuse_rolled_back("backend", SERVICE, Track.GREEN, Track.BLUE, [ROLLBACK]))
    assert (
        "the switch to green is refused (SY-P005): v2.0.0 in green was rolled back at 2030-01-31T12:00:00Z" in refusal
    )
    assert "by ada (release 20300131-1): 500s on /pay" in refusal
    assert "blue continues to serve" in refusal
    assert "pulumi config set --path 'switchyard:services.backend.active' blue" in refusal
    assert "switchyard switch backend green" in refusal


@pytest.mark.parametrize(
    ("to", "serving", "versions"),
    [
        (Track.GREEN, Track.BLUE, []),
        (Track.BLUE, Track.GREEN, [ROLLBACK]),
        (Track.GREEN, Track.GREEN, [ROLLBACK]),
        (Track.GREEN, None, [ROLLBACK]),
        (Track.GREEN, Track.BLUE, [RolledBack("green", "v1.9.0", "1", "2030-01-31T12:00:00Z", "ada")]),
    ],
)
def test_nothing_else_is_refused(to: Track, serving: Track | None, versions: list[RolledBack]) -> None:
    assert refuse_rolled_back("backend", SERVICE, to, serving, versions) is None


def test_a_user_who_may_not_read_the_record_learns_which_permission_is_missing() -> None:
    warning = warn_rollbacks_unknown("backend", "may not get configmaps/backend-release (403: forbidden)")
    assert "(SY-P006)" in warning
    assert "may not get configmaps/backend-release" in warning
