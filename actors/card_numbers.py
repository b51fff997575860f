"""Card numbers in text, which must never be stored or shown.

A card number is 13 to 19 digits, perhaps in groups with a space or dash between two of them, that start as the card
networks' numbers do and whose last digit is the Luhn check of the others. Both conditions, because the check alone
would refuse every tenth order number. Other groups may stand beside it: people paste it with its expiry date. A
product's bar code (GTIN, 13 or 14 digits with a check digit of its own) is no card number.
"""

import re
from collections.abc import Callable, Iterator

CARD_DIGITS_MIN = 13
CARD_DIGITS_MAX = 19
_ENOUGH = re.compile(r"[0-9](?:[ \u00a0-]?[0-9]){12}")  # without so many digits there is nothing to look for
_GROUPS = re.compile(r"[0-9]+(?:[ \u00a0-][0-9]+)*")
_GROUP = re.compile(r"[0-9]+")
_ID = re.compile(r"(_[0-9a-f]{32})")  # of ours: its digits are no card number, whatever they look like
_NETWORK = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}|[0-9]{6})?"  # Visa
    r"|(?:5[0-9]|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12,14}"  # Mastercard, Maestro
    r"|3[47][0-9]{13}"  # American Express
    r"|6[0-9]{12,18}"  # Discover, UnionPay, Maestro, RuPay
    r"|35[0-9]{14,17}"  # JCB
    r"|3[0689][0-9]{12,17}"  # Diners Club
)


def card_number_in(text: str, *, product: bool = False) -> bool:
    """Whether some digits of `text` look like a card number; with `product` a bar code does not."""
    return len(text) >= CARD_DIGITS_MIN and any(_card_numbers(_ID.sub("_", text), product=product))


def hide_card_numbers(text: str, *, product: bool = False) -> str:
    """The text with their digits, but the last four, hidden; ids of ours are left, and with `product` bar codes."""
    return "".join(part if _ID.fullmatch(part) else _hide(part, product=product) for part in _ID.split(text))


def _hide(text: str, *, product: bool) -> str:
    hidden, end = "", 0
    for start, stop in _card_numbers(text, product=product):
        hidden += f"{text[end:start]}[card number ending in {text[stop - 4 : stop]}]"
        end = stop
    return hidden + text[end:]


def _card_numbers(text: str, *, product: bool) -> Iterator[tuple[int, int]]:
    """Where they begin and end: whole groups of digits, from the left, as long as can be."""
    for run in _GROUPS.finditer(text) if _ENOUGH.search(text) else ():
        groups = [group.span() for group in _GROUP.finditer(text, *run.span())]
        begins_after = 0
        for n, (start, _) in enumerate(groups):
            digits, end = "", 0
            for first, last in groups[n : n + CARD_DIGITS_MAX]:
                digits += text[first:last]
                if len(digits) > CARD_DIGITS_MAX:
                    break
                if _is_card_number(digits, product=product):
                    end = last
            if end and start >= begins_after:
                yield start, end
                begins_after = end


def _is_card_number(digits: str, *, product: bool) -> bool:
    if not _NETWORK.fullmatch(digits) or (product and _is_bar_code(digits)):
        return False
    return _check_sum(digits, lambda digit: digit * 2 - 9 if digit > 4 else digit * 2) % 10 == 0


def _is_bar_code(digits: str) -> bool:
    return len(digits) in (13, 14) and _check_sum(digits, lambda digit: digit * 3) % 10 == 0


def _check_sum(digits: str, weighted: Callable[[int], int]) -> int:
    """The sum of the digits, every second one from the right weighted."""
    return sum(weighted(int(digit)) if n % 2 else int(digit) for n, digit in enumerate(reversed(digits)))
