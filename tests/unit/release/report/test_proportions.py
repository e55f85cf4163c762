"""Bounds of shares are those of exact sums, and their cost does not grow with the hits of a sample."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest

from switchyard.release.report import proportions
from switchyard.release.report.proportions import lower_bound, upper_bound


def exact_chance(hits: int, total: int, share: Fraction) -> Fraction:
    """The probability of at most so many hits, in rational numbers."""
    return sum(
        (math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(hits + 1)), start=Fraction(0)
    )


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (0, 60), (1, 60), (7, 12), (149, 300), (199, 200), (1, 1000)])
def test_a_bound_is_the_share_at_which_the_sample_has_a_chance_of_5_percent(hits: int, total: int) -> None:
    bound = upper_bound(hits, total)
    assert float(exact_chance(hits, total, Fraction(bound))) == pytest.approx(0.05, rel=1e-9)
    assert lower_bound(total - hits, total) == pytest.approx(1 - bound, abs=1e-12)
    if hits == 0:
        assert bound < 3 / total


def test_a_sample_of_hits_alone_or_of_none_has_one_bound() -> None:
    assert [upper_bound(size, size) for size in (0, 1, 10**6)] == [1, 1, 1]
    assert [lower_bound(0, size) for size in (0, 1, 10**6)] == [0, 0, 0]
    for size in (1, 60, 20_000, 10**9):
        assert upper_bound(0, size) == pytest.approx(-math.expm1(math.log(0.05) / size), rel=1e-9)
        assert lower_bound(size, size) == pytest.approx(0.05 ** (1 / size), rel=1e-9)


@pytest.mark.parametrize(
    ("hits", "lower", "upper"),
    [(1, 0.0513, 4.7439), (10, 5.4254, 16.9622), (100, 84.1390, 118.0791)],
)
def test_bounds_of_a_rare_event_are_those_of_a_poisson_distribution(hits: int, lower: float, upper: float) -> None:
    """Half of the quantiles of chi-square with 2 and 2 more degrees of freedom for each event, from its tables."""
    total = 10**9
    assert lower_bound(hits, total) * total == pytest.approx(lower, abs=1e-3)
    assert upper_bound(hits, total) * total == pytest.approx(upper, abs=1e-3)


@pytest.mark.parametrize("hits", [20_000, 2_000_000, 3_900_000])
def test_the_bounds_of_millions_of_requests_are_those_of_the_normal_distribution(hits: int) -> None:
    total, quantile = 4_000_000, 1.6448536
    share = hits / total
    spread = quantile * math.sqrt(share * (1 - share) / total)
    skew = (
        (2 * quantile**2 + 1) * (1 - 2 * share) / (6 * total)
    )  # the first term of the expansion by Cornish and Fisher
    assert upper_bound(hits, total) == pytest.approx(share + spread + skew + 1 / (2 * total), abs=spread / 1000)
    assert lower_bound(hits, total) == pytest.approx(share - spread + skew - 1 / (2 * total), abs=spread / 1000)


def test_the_number_of_terms_grows_with_the_standard_deviation_and_not_with_the_hits() -> None:
    for hits, total in ((0, 10), (2_000, 400_000), (200_000, 400_000), (2_000_000, 4_000_000)):
        share = hits / total + 1 / total
        terms = list(proportions._terms(hits, total, math.log(share), math.log1p(-share)))
        assert 1 <= len(terms) <= 10 * math.sqrt(total * share * (1 - share)) + 1
        assert all(later < earlier for earlier, later in pairwise(terms))


def test_a_sample_that_no_cluster_has_ends_no_report_and_its_bounds_hold() -> None:
    """A record that somebody has edited may have such numbers."""
    hits, total = 10**299, 10**300
    assert upper_bound(hits, total) == upper_bound(10**8, 10**9) == pytest.approx(0.1, abs=1e-4)
    assert lower_bound(hits, total) == lower_bound(10**8, 10**9) == pytest.approx(0.1, abs=1e-4)
    assert upper_bound(1, total) == upper_bound(1, 10**9)
    assert lower_bound(total - 1, total) == lower_bound(10**9 - 1, 10**9)
