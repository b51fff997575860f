"""Text that comes in is bounded and storable, and a card number is neither taken nor shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagamore.actors.card_numbers import card_number_in
from sagamore.actors.text import check_key, check_text, shown
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import encode

CARDS = [
    "4242424242424242", "4242 4242 4242 4242", "4000-0566-5566-5556", "5555555555554444", "2223003122003222",
    "378282246310005", "3782 822463 10005", "6011111111111117", "3056930009020004", "36227206271667",
    "3566002020360505", "6205500000000000004", "4222222222222",
]  # fmt: skip
"""Test numbers that card networks and payment providers publish."""


@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_is_refused_wherever_it_stands_and_never_shown(card: str) -> None:
    beside_others = (f"{card} 12/27 123", f"{card}-12-27", f"1 {card} 07")
    for text in (card, f"pay with {card}, please", f"card{card}x", *beside_others):
        with pytest.raises(InvalidInput, match="card number") as refused:
            check_text("reference", text)

        assert card not in str(refused.value)
        assert card not in repr(refused.value.value)
        assert card[-4:] in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # the check digit is wrong
        "42424242424242424242",  # 20 digits
        "424242424242",  # 12 digits
        "1234567812345670",  # passes the check, but no network's numbers start so
        "1732406400000",  # a time in milliseconds
        "pm_1MsN2eLkdIwHu7ixtOQGxyzA",
        "0193f3a1-b2c3-7004-8a5f-0c9e1d2b3a4f",
        "2010-12-01 08:26:00",
        "+44 20 7946 0018",
    ],
)
def test_what_only_resembles_a_card_number_is_taken(text: str) -> None:
    assert check_text("reference", text) == text


def test_a_bar_code_is_a_product_id_even_if_it_could_be_a_card_number() -> None:
    bar_code = "4006381330060"  # passes both checks

    assert card_number_in(bar_code)
    assert check_text("product_id", bar_code, product=True) == bar_code
    with pytest.raises(InvalidInput):
        check_text("reference", bar_code)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "text"), (12, "text"), (b"ann", "text"), ("", "not empty"),
        ("x" * 256, "at most 255 characters, not 256"), ("an\0n", r"U\+0000"), ("an\ud800n", "surrogates"),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_refused_with_what_would_be_right(value: Any, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected) as refused:
        check_text("user_id", value)

    assert refused.value.field == "user_id"


def test_an_idempotency_key_of_10_kb_is_refused_in_one_short_line() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_key("k" * 10_000)

    assert refused.value.field == "idempotency_key"
    assert len(str(refused.value)) < 250


def test_text_that_is_too_long_is_not_searched_and_shows_no_card_number_either() -> None:
    with pytest.raises(InvalidInput, match="at most 255 characters, not 500020") as refused:
        check_text("reference", "4242 4242 4242 4242 " + "1 " * 250_000)

    assert "4242 4242" not in str(refused.value) + repr(refused.value.value)


@given(st.text(max_size=300))
def test_whatever_is_taken_can_be_stored(text: str) -> None:
    try:
        check_text("user_id", text)
    except InvalidInput:
        return
    assert encode(text)


@given(st.from_regex(r"[0-9 -]{0,40}", fullmatch=True))
def test_whatever_is_shown_holds_no_card_number(text: str) -> None:
    assert not card_number_in(str(shown(text)).replace("[card number ending in ", "<"))


@given(st.integers(0, 10**15 - 1), st.integers(0, 15))
def test_one_wrong_digit_makes_it_no_card_number(number: int, at: int) -> None:
    digits = [int(d) for d in f"4{number:015d}"][:15]
    doubled = sum(d * 2 - 9 * (d > 4) if n % 2 == 0 else d for n, d in enumerate(digits))
    card = [*digits, -doubled % 10]
    wrong = [(d + 1) % 10 if n == at else d for n, d in enumerate(card)]

    assert card_number_in("".join(map(str, card)))
    assert not card_number_in("".join(map(str, wrong)))


def test_an_id_of_ours_is_shown_whatever_its_digits_look_like() -> None:
    order = "ord_" + "4242424242424242".rjust(32, "a")
    assert not card_number_in(order)
    assert shown(order) == order
    assert shown(order + "4242424242424242") == order + "[card number ending in 4242]"


def test_a_number_too_long_to_print_is_shown_by_its_size() -> None:
    assert shown(10**5000) == "an integer of 16610 bits"
    assert shown([10**5000]) == "a list"
    assert shown([4242424242424242]) == "[[card number ending in 4242]]"
