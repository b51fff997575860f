"""What text may come in: bounded, storable, and never a card number.

A card number is 13 to 19 digits, perhaps with a space or dash between two of them, that start as the card networks'
numbers do and whose last digit is the Luhn check of the others. Both conditions, because the check alone would refuse
every tenth order number. A product's bar code (GTIN, 13 or 14 digits with a check digit of its own) is no card number.

Whatever is refused here is shown in the error with its digits hidden, so that no log keeps a card number.
"""

import re
from collections.abc import Callable

from sagamore.engine.errors import InvalidInput

TEXT_CHARACTERS_MAX = 255  # an id, a token or a reference: what the strictest providers and stores take
KEY_CHARACTERS_MAX = 255  # an idempotency key
CARD_DIGITS_MIN = 13
INTEGER_SHOWN_BITS_MAX = 256  # Python refuses to print an integer of 4,300 digits
_DIGITS = re.compile(r"(?<![0-9])[0-9](?:[ \u00a0-]?[0-9]){12,18}(?![0-9])")
_ID = re.compile(r"(_[0-9a-f]{32})")  # of ours: its digits are no card number, whatever they look like
_NETWORK = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}|[0-9]{6})?"  # Visa
    r"|(?:5[0-9]|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12,14}"  # Mastercard, Maestro
    r"|3[47][0-9]{13}"  # American Express
    r"|6[0-9]{12,18}"  # Discover, UnionPay, Maestro, RuPay
    r"|35[0-9]{14,17}"  # JCB
    r"|3[0689][0-9]{12,17}"  # Diners Club
)


def check_text(
    field: str,
    value: object,
    most: int = TEXT_CHARACTERS_MAX,
    *,
    optional: bool = False,
    product: bool = False,
    provider: bool = False,
    printable: bool = False,
) -> str:
    """The text itself. Raises InvalidInput if it is no text, empty (unless `optional`), longer than `most` characters,
    not storable (U+0000, a lone surrogate), not `printable` where it must be, or holds a card number; `product` allows
    a bar code, `provider` a number of the provider's own, whatever it looks like."""
    text = check_storable(field, value)
    if not provider and card_number_in(text, product=product):
        raise InvalidInput(field, shown(text), "a card number must never be stored: pass the provider's token instead")
    if not text and not optional:
        raise InvalidInput(field, text, "text that is not empty")
    if len(text) > most:
        raise InvalidInput(field, text, f"at most {most} characters, not {len(text)}")
    if printable and not text.isprintable():
        raise InvalidInput(field, text, "printable characters, without tabs and line ends")
    return text


def check_storable(field: str, value: object) -> str:
    """Text of any length that SQLite keeps as it is. Raises InvalidInput."""
    if not isinstance(value, str):
        raise InvalidInput(field, shown(value), "text")
    if "\0" in value:
        raise InvalidInput(field, shown(value), "text without U+0000, at which SQLite cuts it")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidInput(field, shown(value), "text without lone surrogates, which have no UTF-8")
    return value


def check_key(key: object) -> str | None:
    """An idempotency key, or None for a new one. Raises InvalidInput."""
    return None if key is None else check_text("idempotency_key", key, KEY_CHARACTERS_MAX, printable=True)


def card_number_in(text: str, *, product: bool = False) -> bool:
    """Whether some digits of `text` look like a card number."""
    return len(text) >= CARD_DIGITS_MIN and any(
        _is_card_number(match[0], product=product) for match in _DIGITS.finditer(_ID.sub("_", text))
    )


def shown(value: object) -> object:
    """`value` as an error may show it: digits hidden if they look like a card number."""
    if isinstance(value, int) and value.bit_length() > INTEGER_SHOWN_BITS_MAX:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str):
        return hide_card_numbers(value)
    try:
        text = repr(value)
    except ValueError:  # an integer in it has more digits than Python will print
        return f"a {type(value).__name__}"
    return hide_card_numbers(text) if card_number_in(text) else value


def hide_card_numbers(text: str, *, product: bool = False) -> str:
    """The text with their digits, but the last four, hidden; ids of ours are left, and with `product` bar codes."""

    def hidden(match: re.Match[str]) -> str:
        return f"[card number ending in {match[0][-4:]}]" if _is_card_number(match[0], product=product) else match[0]

    return "".join(part if _ID.fullmatch(part) else _DIGITS.sub(hidden, part) for part in _ID.split(text))


def _is_card_number(found: str, *, product: bool) -> bool:
    digits = re.sub("[^0-9]", "", found)
    if not _NETWORK.fullmatch(digits) or (product and _is_bar_code(digits)):
        return False
    return _check_sum(digits, lambda digit: digit * 2 - 9 if digit > 4 else digit * 2) % 10 == 0


def _is_bar_code(digits: str) -> bool:
    return len(digits) in (13, 14) and _check_sum(digits, lambda digit: digit * 3) % 10 == 0


def _check_sum(digits: str, weighted: Callable[[int], int]) -> int:
    """The sum of the digits, every second one from the right weighted."""
    return sum(weighted(int(digit)) if n % 2 else int(digit) for n, digit in enumerate(reversed(digits)))
