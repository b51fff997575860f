"""What `place` refuses before a message exists: each by field, with its value and what would be right."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagamore.actors.money import Money
from sagamore.actors.orders.door import Charge, Line, place_order
from sagamore.actors.orders.order_messages import OrderCharge, OrderLine, PlaceOrder
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import INTEGER_MAX, encode

ORDER = "ord_" + "0" * 32
CARD = "4242 4242 4242 4242"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def gbp(amount: str) -> Money:
    return Money(amount, "GBP")


def place(**said: Any) -> PlaceOrder:
    usual: dict[str, Any] = {"user_id": "ann", "lines": [Line("MUG", 2, gbp("12.50"))], "payment_method": "pm_card"}
    return place_order(ORDER, **usual | said)


def test_an_order_becomes_a_message_in_minor_units() -> None:
    message = place(
        lines=[Line("MUG", 2, gbp("12.50")), Line("MUG", 1, gbp("11"))],
        charges=[Charge("shipping", gbp("3.00")), Charge("discount", gbp("-1.50"))],
        amount=gbp("37.50"), reference="#1001", metadata={"cart": "8471"}, pay_by=NOON,
        placed_at=datetime(2010, 12, 1, 8, 26, tzinfo=timezone(timedelta(hours=1))),
    )  # fmt: skip

    assert message == PlaceOrder(
        ORDER, "ann", (OrderLine("MUG", 2, 1250), OrderLine("MUG", 1, 1100)),
        (OrderCharge("shipping", 300), OrderCharge("discount", -150)), 3750, "GBP", "pm_card", "#1001",
        (("cart", "8471"),), 1772366400000, 1291188360000,
    )  # fmt: skip


def test_an_order_without_a_payment_method_is_to_be_paid_later() -> None:
    assert place(payment_method="", pay_by=NOON).payment_method == ""


def test_an_order_that_costs_nothing_is_an_order() -> None:
    assert place(charges=[Charge("discount", gbp("-25"))]).amount == 0


LINE = Line("MUG", 2, gbp("12.50"))
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no user": ({"user_id": ""}, "user_id", "not empty"),
    "user is a number": ({"user_id": 7}, "user_id", "text"),
    "no lines": ({"lines": []}, "lines", "1 to 1,000"),
    "more than 1,000 lines": ({"lines": [LINE] * 1001}, "lines", "1 to 1,000"),
    "lines that are text": ({"lines": "MUG"}, "lines", "a list"),
    "lines that can be read once": ({"lines": iter([LINE])}, "lines", "a list"),
    "a line that is a tuple": ({"lines": [LINE, ("MUG", 2, "12.50")]}, "lines[1]", "Line"),
    "no product": ({"lines": [Line("", 1, gbp("1"))]}, "lines[0].product_id", "not empty"),
    "quantity 0": ({"lines": [Line("MUG", 0, gbp("1"))]}, "lines[0].quantity", "1 to 1,000,000,000"),
    "quantity below 0": ({"lines": [LINE, Line("MUG", -1, gbp("1"))]}, "lines[1].quantity", "1 to 1,000,000,000"),
    "quantity beyond 10^9": ({"lines": [Line("MUG", 10**9 + 1, gbp("1"))]}, "lines[0].quantity", "1 to 1,000,000,000"),
    "quantity of 5,000 digits": ({"lines": [Line("MUG", 10**5000, gbp("1"))]}, "lines[0].quantity", "1 to"),
    "half a quantity": ({"lines": [Line("MUG", 1.5, gbp("1"))]}, "lines[0].quantity", "whole"),  # type: ignore[arg-type]
    "quantity true": ({"lines": [Line("MUG", True, gbp("1"))]}, "lines[0].quantity", "whole"),
    "a float for money": ({"lines": [Line("MUG", 1, 12.5)]}, "lines[0].unit_price", "Money("),  # type: ignore[arg-type]
    "a decimal for money": (
        {"charges": [Charge("shipping", Decimal("3"))]}, "charges[0].amount", "Money(",  # type: ignore[arg-type]
    ),
    "a price below 0": ({"lines": [Line("MUG", 1, gbp("-1"))]}, "lines[0].unit_price", "discount"),
    "a line of another currency": ({"lines": [LINE, Line("MUG", 1, Money(1, "EUR"))]}, "lines[1].unit_price", "in GBP"),
    "a charge of another currency": ({"charges": [Charge("tax", Money(1, "EUR"))]}, "charges[0].amount", "in GBP"),
    "an amount of another currency": ({"amount": Money(25, "USD")}, "amount", "in GBP"),
    "an amount that does not add up": ({"amount": gbp("24.99")}, "amount", "add up to 25.00 GBP"),
    "an amount that is a number": ({"amount": 25}, "amount", "Money("),
    "a total below 0": ({"charges": [Charge("discount", gbp("-25.01"))]}, "amount", "add up"),
    "a total beyond 63 bits": (
        {"lines": [Line("GOLD", 10**9, Money.of_minor(INTEGER_MAX, "GBP"))]}, "amount", "add up",
    ),
    "101 charges": ({"charges": [Charge("tax", gbp("1"))] * 101}, "charges", "0 to 100"),
    "a charge that is a tuple": ({"charges": [("tax", gbp("1"))]}, "charges[0]", "Charge"),
    "a charge of no kind": ({"charges": [Charge("", gbp("1"))]}, "charges[0].kind", "not empty"),
    "neither paid now nor later": ({"payment_method": ""}, "payment_method", "pay_by"),
    "a naive pay_by": ({"pay_by": datetime(2026, 3, 1)}, "pay_by", "aware"),  # noqa: DTZ001 - that is the point
    "a pay_by that is a number": ({"pay_by": 1772366400000}, "pay_by", "aware"),
    "placed before 1970": ({"placed_at": datetime(1969, 12, 31, tzinfo=UTC)}, "placed_at", "after 1970"),
    "51 pairs of metadata": ({"metadata": {str(n): "x" for n in range(51)}}, "metadata", "0 to 50"),
    "metadata that is a list": ({"metadata": [("a", "b")]}, "metadata", "a dict"),
    "metadata that is a number": ({"metadata": {"a": 1}}, "metadata['a']", "text"),
    "a metadata key of 41 characters": ({"metadata": {"k" * 41: "x"}}, "metadata key", "at most 40"),
    "a metadata value of 501 characters": ({"metadata": {"a": "x" * 501}}, "metadata['a']", "at most 500"),
    "a reference of 10 kB": ({"reference": "r" * 10_000}, "reference", "at most 255"),
    "U+0000": ({"reference": "a\0b"}, "reference", "U+0000"),
    "a lone surrogate": ({"lines": [Line("M\ud800", 1, gbp("1"))]}, "lines[0].product_id", "surrogate"),
}  # fmt: skip


@pytest.mark.parametrize("said, field, expected", REFUSED.values(), ids=REFUSED)
def test_refused_at_the_door(said: dict[str, Any], field: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        place(**said)

    assert refused.value.field == field
    assert expected in refused.value.expected
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "said",
    [
        {"user_id": CARD}, {"reference": f"card {CARD}"}, {"payment_method": CARD}, {"metadata": {"card": CARD}},
        {"metadata": {CARD: "x"}}, {"lines": [Line(CARD, 1, gbp("1"))]}, {"charges": [Charge(CARD, gbp("1"))]},
        {"user_id": 4242424242424242}, {"lines": CARD}, {"metadata": CARD}, {"lines": [CARD]}, {"pay_by": CARD},
        {"amount": CARD}, {"reference": CARD + "\0"}, {"reference": CARD * 100},
    ],
)  # fmt: skip
def test_a_card_number_is_refused_in_every_field_and_never_shown(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        place(**said)

    shown = str(refused.value) + repr(refused.value.value) + refused.value.field
    assert CARD not in shown
    assert CARD.replace(" ", "") not in shown


money = st.integers(0, 10**12).map(lambda minor: Money.of_minor(minor, "GBP"))
texts = st.text(st.characters(exclude_categories=["Cs", "Nd"], exclude_characters="\0"), min_size=1, max_size=40)


@given(st.lists(st.builds(Line, texts, st.integers(1, 10**6), money), min_size=1, max_size=20), texts)
def test_whatever_the_door_takes_can_be_stored_and_adds_up(lines: list[Line], user_id: str) -> None:
    try:
        message = place(user_id=user_id, lines=lines)
    except InvalidInput as refused:
        assert refused.field == "amount" and sum(line.quantity * line.unit_price.minor for line in lines) > INTEGER_MAX
        return
    assert message.amount == sum(line.quantity * line.unit_price.minor for line in lines)
    assert encode(message)
