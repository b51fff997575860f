"""The door of what is done to an order that exists."""

from typing import Any

import pytest

from sagamore.actors.money import Money
from sagamore.actors.orders.aftersales import cancel_order, pay_order, refund_order, return_order, ship_order
from sagamore.actors.orders.order_messages import CancelOrder, PayOrder, RefundOrder, ReturnOrder, ShipOrder
from sagamore.actors.orders.stock_messages import ProductQuantity
from sagamore.engine.errors import InvalidInput
from tests.orders.kit import MUG, ORDER, at

order = at("CONFIRMED").order
CARD = "4242424242424242"


def gbp(amount: str) -> Money:
    return Money(amount, "GBP")


def test_what_is_right_becomes_a_message() -> None:
    assert pay_order(ORDER, "pm_card") == PayOrder(ORDER, "pm_card")
    assert cancel_order(ORDER) == CancelOrder(ORDER)
    assert cancel_order(ORDER, "OPERATOR", "bob") == CancelOrder(ORDER, "OPERATOR", "bob")
    assert refund_order(order, gbp("2.50"), "late") == RefundOrder(ORDER, 250, "late")
    assert ship_order(ORDER) == ShipOrder(ORDER)
    assert return_order(order, {MUG: 2}, amount=gbp("25"), restock=False) == ReturnOrder(
        ORDER, (ProductQuantity(MUG, 2),), 2500, False
    )
    assert return_order(order, {MUG: 1}).amount == 0


@pytest.mark.parametrize(
    ("call", "arguments", "field"),
    [
        (pay_order, (ORDER, ""), "payment_method"),
        (pay_order, (ORDER, CARD), "payment_method"),
        (cancel_order, (ORDER, "EXPIRED"), "reason"),
        (cancel_order, (ORDER, "OPERATOR"), "by"),
        (refund_order, (order, gbp("0"), ""), "amount"),
        (refund_order, (order, gbp("-1"), ""), "amount"),
        (refund_order, (order, 2.5, ""), "amount"),
        (refund_order, (order, Money(1, "EUR"), ""), "amount"),
        (refund_order, (order, gbp("1"), "x" * 501), "reason"),
        (refund_order, (order, gbp("1"), CARD), "reason"),
        (ship_order, (ORDER, "a\0"), "tracking"),
        (return_order, (order, {}), "goods"),
        (return_order, (order, [(MUG, 1)]), "goods"),
        (return_order, (order, {MUG: 0}), f"goods[{MUG!r}]"),
        (return_order, (order, {CARD: 1}), "goods key"),
    ],
)
def test_what_is_wrong_is_refused_by_field(call: Any, arguments: tuple[Any, ...], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        call(*arguments)

    assert refused.value.field == field
    assert CARD not in str(refused.value)


def test_a_return_refunds_nothing_or_more_in_the_orders_currency() -> None:
    for amount in (gbp("-1"), Money(1, "EUR")):
        with pytest.raises(InvalidInput, match="amount"):
            return_order(order, {MUG: 1}, amount=amount)
