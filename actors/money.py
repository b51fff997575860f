"""Money: an exact amount of one currency, kept as an integer of its minor unit.

    Money("12.50", "GBP").minor == Money("1250", "JPY").minor == Money("1.250", "KWD").minor == 1250

A float is refused: 0.1 + 0.2 is not 0.3. Amounts fit 63 bits and a sign, as SQLite's integers do.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from sagamore.actors.currency import exponent_of
from sagamore.actors.text import shown
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import INTEGER_MAX

AMOUNT_DIGITS_MAX = 40  # far above 63 bits, and far below what makes arithmetic on a hostile number slow
_PLAIN_DECIMAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_EXACT = 'an exact amount in major units: text as "12.50", a Decimal or a whole int, never a float'


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Money:
    """`amount` is in major units: text without exponent or separators, an int or a Decimal. Raises InvalidInput if it
    is anything else, has more decimals than the currency, or does not fit 63 bits of minor units."""

    minor: int
    """In minor units: pence of a pound."""
    currency: str

    def __init__(self, amount: str | int | Decimal, currency: str) -> None:
        minor = _to_minor(amount, exponent_of(currency), currency)
        object.__setattr__(self, "minor", minor)
        object.__setattr__(self, "currency", currency)

    @classmethod
    def of_minor(cls, minor: int, currency: str) -> Self:
        """So many minor units: `Money.of_minor(1250, "GBP") == Money("12.50", "GBP")`. Raises InvalidInput."""
        exponent_of(currency)
        if type(minor) is not int:
            raise InvalidInput("minor", shown(minor), "a whole number of minor units")
        money = cls.__new__(cls)
        object.__setattr__(money, "minor", _bounded("minor", minor, minor))
        object.__setattr__(money, "currency", currency)
        return money

    @property
    def amount(self) -> str:
        """In major units, with all decimals of the currency: `12.50`."""
        exponent = exponent_of(self.currency)
        digits = f"{abs(self.minor):0{exponent + 1}d}"
        whole, fraction = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
        return f"{'-' if self.minor < 0 else ''}{whole}{'.' if exponent else ''}{fraction}"

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def __repr__(self) -> str:
        return f"Money({self.amount!r}, {self.currency!r})"


def _to_minor(amount: object, exponent: int, currency: str) -> int:
    if isinstance(amount, str):
        if len(amount) > AMOUNT_DIGITS_MAX or not _PLAIN_DECIMAL.fullmatch(amount):
            raise InvalidInput("amount", shown(amount), _EXACT)
        exact = Decimal(amount)
    elif isinstance(amount, Decimal) and amount.is_finite():
        exact = amount
    elif isinstance(amount, int) and not isinstance(amount, bool):
        return _bounded("amount", amount, amount * 10**exponent)
    else:
        raise InvalidInput("amount", shown(amount), _EXACT)
    if abs(exact.adjusted()) > AMOUNT_DIGITS_MAX or len(exact.as_tuple().digits) > AMOUNT_DIGITS_MAX:
        raise InvalidInput("amount", shown(amount), f"{_EXACT}, of at most {AMOUNT_DIGITS_MAX} digits")
    numerator, denominator = exact.as_integer_ratio()
    minor, rest = divmod(numerator * 10**exponent, denominator)
    if rest:
        raise InvalidInput("amount", shown(amount), f"{currency} has {exponent} decimals")
    return _bounded("amount", amount, minor)


def _bounded(field: str, given: object, minor: int) -> int:
    if abs(minor) > INTEGER_MAX:
        raise InvalidInput(field, shown(given), f"at most {INTEGER_MAX} minor units, so that it can be stored")
    return minor
