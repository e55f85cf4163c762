"""Quantities as Kubernetes reads them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchyard.config.types.quantity import mebibytes, millicores, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100m", Decimal("0.1")),
        ("0.5", Decimal("0.5")),
        (".5", Decimal("0.5")),
        ("5.", Decimal(5)),
        ("256Mi", Decimal(256 * 1024**2)),
        ("1G", Decimal(10**9)),
        ("1e3", Decimal(1000)),
        ("1E", Decimal(10**18)),
        ("2E3", Decimal(2000)),
        ("100n", Decimal("1e-7")),
    ],
)
def test_a_quantity_has_its_value(text: str, value: Decimal) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "m", "-1", "1 Mi", "1mi", "1KB", "1Ki5", "0x10", "1e", "१", "1\n", "+-1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no Kubernetes quantity"):
        parse_quantity(text)


@given(st.integers(0, 10**9))
def test_millicores_of_a_whole_number_of_them_are_exact(amount: int) -> None:
    assert millicores(parse_quantity(f"{amount}m")) == amount


@given(st.integers(1, 10**15))
def test_mebibytes_are_rounded_up(amount: int) -> None:
    rounded = mebibytes(Decimal(amount))
    assert (rounded - 1) * 1024**2 < amount <= rounded * 1024**2
