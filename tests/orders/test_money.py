"""Money is exact, of one known currency, and fits what can be stored."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagamore.actors.currency import CODES_BY_DECIMALS, EXPONENTS
from sagamore.actors.money import Money
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import INTEGER_MAX


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "text"),
    [
        ("12.50", "GBP", 1250, "12.50 GBP"),
        ("12.5", "GBP", 1250, "12.50 GBP"),
        ("12.500", "GBP", 1250, "12.50 GBP"),
        ("-0.05", "EUR", -5, "-0.05 EUR"),
        ("+3", "USD", 300, "3.00 USD"),
        (12, "GBP", 1200, "12.00 GBP"),
        (0, "GBP", 0, "0.00 GBP"),
        (Decimal("0.01"), "GBP", 1, "0.01 GBP"),
        (Decimal("1E+2"), "GBP", 10_000, "100.00 GBP"),
        ("1250", "JPY", 1250, "1250 JPY"),
        ("1.250", "KWD", 1250, "1.250 KWD"),
        ("0.0001", "CLF", 1, "0.0001 CLF"),
    ],
)
def test_an_amount_is_kept_in_minor_units_of_its_currency(amount: Any, currency: str, minor: int, text: str) -> None:
    money = Money(amount, currency)

    assert (money.minor, str(money)) == (minor, text)
    assert money == Money.of_minor(minor, currency)


@given(st.integers(-INTEGER_MAX, INTEGER_MAX), st.sampled_from(sorted(EXPONENTS)))
def test_money_survives_being_written_and_read(minor: int, currency: str) -> None:
    money = Money.of_minor(minor, currency)

    assert Money(money.amount, currency) == money
    assert Money(Decimal(money.amount), currency) == money
    assert eval(repr(money)) == money


@pytest.mark.parametrize(
    "amount",
    [
        12.5, float("nan"), True, None, b"12.50", "", "twelve", "1e3", "1_000", "12,50", " 12", "12.", ".5", "١٢",
        "NaN", "12.505", Decimal("NaN"), Decimal("Infinity"), Decimal("1E-3"), Decimal("1E+1000000"), "9" * 41,
        INTEGER_MAX, pytest.param(10**5000, id="5001 digits"), "92233720368547758.08",
    ],
)  # fmt: skip
def test_what_is_no_exact_amount_is_refused_by_field(amount: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        Money(amount, "GBP")

    assert refused.value.field == "amount"


@pytest.mark.parametrize("currency", ["gbp", "GB", "XXX", "£", "", None, 826, "GBP "])
def test_what_is_no_currency_is_refused_by_field(currency: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        Money("12.50", currency)

    assert (refused.value.field, refused.value.value) == ("currency", currency)


@pytest.mark.parametrize("minor", [12.0, True, "12", INTEGER_MAX + 1, -INTEGER_MAX - 1])
def test_minor_units_are_whole_and_fit_63_bits(minor: Any) -> None:
    with pytest.raises(InvalidInput, match="minor"):
        Money.of_minor(minor, "GBP")


def test_money_of_another_currency_is_other_money() -> None:
    assert Money("1", "JPY") != Money.of_minor(1, "USD")
    assert len({Money("1.00", "GBP"), Money(1, "GBP"), Money("1", "USD")}) == 2


def test_money_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Money("1", "GBP").minor = 2  # type: ignore[misc]


def test_no_currency_is_listed_twice() -> None:
    assert len(EXPONENTS) == sum(len(codes.split()) for codes in CODES_BY_DECIMALS.values())
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in EXPONENTS)
