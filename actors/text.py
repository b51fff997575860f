"""What text may come in: bounded, storable, and never a card number.

Whatever is refused here is shown in the error with such digits hidden, so that no log keeps a card number.
"""

from sagamore.actors.card_numbers import card_number_in, hide_card_numbers
from sagamore.engine.errors import InvalidInput

TEXT_CHARACTERS_MAX = 255  # an id, a token or a reference: what the strictest providers and stores take
KEY_CHARACTERS_MAX = 255  # an idempotency key
INTEGER_SHOWN_BITS_MAX = 256  # Python refuses to print an integer of 4,300 digits


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
    if len(text) > most:
        raise InvalidInput(field, shown(text[:most]), f"at most {most} characters, not {len(text)}")
    if not provider and card_number_in(text, product=product):
        raise InvalidInput(field, shown(text), "a card number must never be stored: pass the provider's token instead")
    if not text and not optional:
        raise InvalidInput(field, text, "text that is not empty")
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
