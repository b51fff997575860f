"""Values that no door takes, by what is asked for: each with words of what would be right.

Text and numbers are those of an attacker: of another type, absent, empty, 10 kB, not storable, beyond 63 bits, not
finite, a card number's look-alike.
"""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeAlias

from sagamore import Charge, Line, Money, PaymentEvent
from sagamore.engine.message import INTEGER_MAX

Values: TypeAlias = list[tuple[Any, str]]

CARD = "4242 4242 4242 4242"
LONG = "k" * 10_000
SURROGATE = "MUG\ud800"
HUGE = 10**5_000  # Python refuses to print it
NAN, INFINITY = float("nan"), float("inf")
PRICE = Money("12.50", "GBP")
MUGS = Line("MUG", 2, PRICE)

NO_TEXT: Values = [
    (value, "text") for value in (7, 1.5, True, NAN, b"ann", ["ann"], {}, 2**63, HUGE, [HUGE], 4242424242424242)
]
UNSTORABLE: Values = [("a\0b", "without U+0000"), (SURROGATE, "without lone surrogates"), ("\udc80", "surrogates")]
LONG_OR_CARD: Values = [(LONG, "at most"), (CARD, "provider's token"), (CARD + "\0", ""), (f"card{CARD}x", "token")]
OPTIONAL_TEXT: Values = [(None, "text"), *NO_TEXT, *UNSTORABLE, *LONG_OR_CARD]
TEXT: Values = [*OPTIONAL_TEXT, ("", "not empty")]
KEY: Values = [*NO_TEXT, *UNSTORABLE, *LONG_OR_CARD, ("", "not empty"), ("a\nb", "printable"), ("a\tb", "printable")]
ANY_KEY: Values = [(None, "text"), *NO_TEXT, *UNSTORABLE]
"""Of a host's own actor: whatever can be stored."""
CURSOR: Values = [*OPTIONAL_TEXT, ("zebra", "begins with"), ("7", "begins with")]

NO_WHOLE: Values = [
    (value, "a whole number")
    for value in (None, "3", "", 1.0, 1.5, NAN, INFINITY, True, False, Decimal(1), [1], 2**63, -(2**63) - 1, HUGE, CARD)
]
MONEY: Values = [
    (value, 'Money("12.50", "GBP")')
    for value in (12.5, 12, "12.50", Decimal("12.50"), NAN, True, SURROGATE, HUGE, CARD)
]
FLAG: Values = [(value, "True or False") for value in (None, 0, 1, "yes", 1.0, NAN, CARD)]
TIME: Values = [
    (datetime(2030, 1, 1), "aware"),  # noqa: DTZ001 - that is the point
    *((value, "aware") for value in ("2030-01-01T00:00:00Z", 1_772_366_400_000, True, NAN, timedelta(1), CARD)),
    (datetime(1970, 1, 1, tzinfo=UTC), "after 1970"),
    (datetime.min.replace(tzinfo=timezone(timedelta(hours=12))), "after 1970"),
    (datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))), "before the year 10000"),
]
SPAN: Values = [
    (value, "a timedelta")
    for value in (None, 5, 0.5, NAN, True, "5", timedelta(microseconds=-1), timedelta.max, timedelta(days=366), CARD)
]


def whole(least: int, most: int) -> Values:
    """No whole number from `least` to `most`."""
    return [*NO_WHOLE, *((value, f"{least:,} to {most:,}") for value in (least - 1, most + 1))]


def choice(*words: str, optional: bool = False) -> Values:
    """None of these words."""
    wrong = [None, "NOPE", words[0].swapcase(), 3, True, NAN, [words[0]], {}, "a\0b", SURROGATE, LONG, CARD]
    return [(value, f"one of {', '.join(words)}") for value in (wrong if optional else [*wrong, ""])]


LINES: Values = [
    *((value, "a list") for value in (None, 7, "MUG", CARD, {"MUG": 1}, {MUGS}, iter([MUGS]), MUGS)),
    ([], "1 to 1,000"), ([MUGS] * 1_001, "1 to 1,000"),
    *(([MUGS, value], "Line(product_id, quantity, unit_price)") for value in (None, "MUG", ("MUG", 2, PRICE), CARD)),
    *(([Line(value, 1, PRICE)], right) for value, right in TEXT),
    *(([Line("MUG", value, PRICE)], right) for value, right in whole(1, 10**9)),
    *(([Line("MUG", 1, value)], right) for value, right in [(None, "money"), *MONEY]),
    ([Line("MUG", 1, Money(-1, "GBP"))], "0 or more"),
    ([MUGS, Line("MUG", 1, Money(1, "EUR"))], "in GBP"),
]  # fmt: skip
CHARGES: Values = [
    *((value, "a list") for value in (None, 7, "tax", {"tax": PRICE}, iter([]))),
    ([Charge("tax", PRICE)] * 101, "0 to 100"),
    *(([value], "Charge(kind, amount)") for value in (None, "tax", ("tax", PRICE), CARD)),
    *(([Charge(value, PRICE)], right) for value, right in TEXT),
    *(([Charge("tax", value)], right) for value, right in [(None, "money"), *MONEY]),
    ([Charge("tax", Money(1, "EUR"))], "in GBP"),
]  # fmt: skip
METADATA: Values = [
    *((value, "a dict") for value in (7, "a", [("a", "b")], CARD)),
    ({str(n): "x" for n in range(51)}, "0 to 50"),
    *(({value: "x"}, right) for value, right in TEXT if value.__hash__),
    *(({"a": value}, right) for value, right in OPTIONAL_TEXT),
]
GOODS: Values = [
    *((value, "a dict") for value in (None, 7, "MUG", [("MUG", 1)], CARD)),
    ({}, "1 to 1,000"), ({str(n): 1 for n in range(1_001)}, "1 to 1,000"),
    *(({value: 1}, right) for value, right in TEXT if value.__hash__),
    *(({"MUG": value}, right) for value, right in whole(1, 10**9)),
]  # fmt: skip
PROVIDERS_TEXT: Values = [value for value in OPTIONAL_TEXT if value not in LONG_OR_CARD[1:]]
PROVIDERS_KEY: Values = [*PROVIDERS_TEXT, ("", "not empty"), ("a\nb", "printable")]


def event(**said: Any) -> PaymentEvent:
    """News of the provider."""
    usual: dict[str, Any] = {"order_id": "ord_1", "event_id": "ev_1", "kind": "captured", "amount": 1}
    return PaymentEvent(**usual | said)


KINDS = ("captured", "authorised", "refused", "lapsed", "refund_succeeded", "refund_failed")
EVENT: Values = [
    *((value, "a PaymentEvent(order_id, event_id,") for value in (None, 7, "ev_1", {}, b"{}", MUGS, CARD)),
    *((event(order_id=value), right) for value, right in TEXT),
    *((event(event_id=value), right) for value, right in PROVIDERS_KEY),
    *((event(kind=value), right) for value, right in choice(*KINDS)),
    *((event(amount=value), right) for value, right in whole(0, INTEGER_MAX)),
    *((event(refund_id=value), right) for value, right in PROVIDERS_TEXT),
    *((event(provider_id=value), right) for value, right in PROVIDERS_TEXT),
    *((event(attempt=value), right) for value, right in whole(0, INTEGER_MAX)),
]
