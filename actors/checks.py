"""The checks that all doors share, one for each kind of argument; those of text are in `text.py`.

Each returns what it was given, or raises an InvalidInput that names the field, shows the value (never a card number)
and says what would be right. A bool is no number, a float is no money, and a time without an offset is no time.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from sagamore.actors.money import Money
from sagamore.actors.text import shown
from sagamore.engine.errors import InvalidInput

S = TypeVar("S", bound=msgspec.Struct)

QUANTITY_MAX = 10**9  # of one line or movement; beyond it a typing error
SPAN_MAX = timedelta(days=365)  # a longer one is a mistyped unit
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_MS_MAX = 253_402_300_799_999  # the last millisecond of the year 9999, after which Python has no times


def check_whole(field: str, value: object, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    if type(value) is not int or not least <= value <= most:
        raise InvalidInput(field, shown(value), f"a whole number, {least:,} to {most:,}")
    return value


def check_quantity(field: str, value: object) -> int:
    """A number of pieces, 1 to 10^9."""
    return check_whole(field, value, 1, QUANTITY_MAX)


def check_money(field: str, value: object) -> Money:
    """Money, no bare number."""
    if not isinstance(value, Money):
        raise InvalidInput(field, shown(value), 'money, as Money("12.50", "GBP")')
    return value


def check_time(field: str, value: object) -> int:
    """An aware datetime from 1970 to 9999 in Unix milliseconds; 0 for None."""
    if value is None:
        return 0
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidInput(field, shown(value), "an aware datetime, as datetime(2026, 1, 31, 12, tzinfo=UTC)")
    at_ms = (value - _EPOCH) // timedelta(milliseconds=1)
    if not 0 < at_ms <= _TIME_MS_MAX:
        raise InvalidInput(field, value, "after 1970 and before the year 10000, in UTC")
    return at_ms


def check_span(field: str, value: object, least: timedelta = timedelta()) -> timedelta:
    """A timedelta from `least` to 365 days."""
    if not isinstance(value, timedelta) or not least <= value <= SPAN_MAX:
        raise InvalidInput(field, shown(value), f"a timedelta, {least} to {SPAN_MAX.days} days")
    return value


def check_flag(field: str, value: object) -> bool:
    """True or False, no number and no text."""
    if not isinstance(value, bool):
        raise InvalidInput(field, shown(value), "True or False")
    return value


def check_choice(field: str, value: object, choices: Sequence[str], *, optional: bool = False) -> None:
    """One of a few words, or with `optional` the empty text."""
    if not isinstance(value, str) or (value not in choices and not (optional and not value)):
        raise InvalidInput(field, shown(value), f"one of {', '.join(choices)}")


def check_type(field: str, value: object, expected: type[S]) -> S:
    """A record of that type."""
    if not isinstance(value, expected):
        fields = ", ".join(expected.__struct_fields__)
        raise InvalidInput(field, shown(value), f"a {expected.__name__}{f'({fields})' if fields else ''}")
    return value


def check_list(field: str, value: object, least: int, most: int) -> None:
    """A sequence of so many, no text."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InvalidInput(field, shown(value), "a list")
    if not least <= len(value) <= most:
        raise InvalidInput(field, f"{len(value)} of them", f"{least} to {most:,}")


def check_mapping(field: str, value: object, least: int, most: int) -> None:
    """A dict of so many pairs."""
    if not isinstance(value, Mapping):
        raise InvalidInput(field, shown(value), "a dict")
    if not least <= len(value) <= most:
        raise InvalidInput(field, f"{len(value)} pairs", f"{least} to {most:,}")
