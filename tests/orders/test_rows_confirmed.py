"""SAGAS.md 1.2, after CONFIRMED: refunds (B14, B15) and fulfilment (F1 to F3)."""

from typing import Any

import pytest

from sagamore.actors.orders.errors import IllegalTransition
from sagamore.actors.orders.facts import Entered
from sagamore.actors.orders.order import Refund
from sagamore.actors.orders.order_messages import OrderShipped, RefundIssued, ReturnOrder
from sagamore.actors.orders.payment_messages import RefundPayment
from sagamore.actors.orders.stock_messages import ProductQuantity, ReturnStock, ShipStock
from tests.orders.kit import AMOUNT, MUG, ORDER, PLATE, Run, at
from tests.orders.rows import ALL_LINES, Case, check, params

SHIP = [ShipStock(ORDER, 0, ALL_LINES), OrderShipped(ORDER, "ann", "RM1")]


def shipped(run: Run) -> Run:
    run.ship()
    return run


def delivered(run: Run) -> Run:
    run.ship()
    run.deliver()
    return run


def parked(run: Run) -> Run:
    run.report("CAPTURED", parked=True)
    return run


CASES = [
    Case("F1", lambda: at("CONFIRMED"), lambda r: r.ship(), SHIP, "CONFIRMED"),
    Case("F2", lambda: shipped(at("CONFIRMED")), lambda r: r.deliver(), [], "CONFIRMED"),
    Case("X3", lambda: at("CONFIRMED"), lambda r: r.report("CAPTURED", unknown=True), [], "CONFIRMED"),
    Case("X3", lambda: at("CONFIRMED"), lambda r: r.report("CAPTURED", parked=True), [], "CONFIRMED",
         raised=["order_payment_parked"], note="a refund is parked"),
    Case("X3", lambda: parked(at("CONFIRMED")), lambda r: r.report("CAPTURED"), [], "CONFIRMED",
         cleared=["order_payment_parked"], note="and known again"),
]  # fmt: skip


@pytest.mark.parametrize("case", params(CASES))
def test_confirmed(case: Case) -> None:
    assert check(case).order.status == "CONFIRMED"


def test_b14_a_refund_has_an_id_and_a_status_of_its_own() -> None:
    run = at("CONFIRMED")

    refund = run.refund(500).reply

    assert isinstance(refund, Refund)
    assert run.last.sent() == [RefundPayment(ORDER, refund.id, 500, "scratched")]
    assert run.order.refunds == (refund,)
    assert (refund.status, refund.amount, refund.id[:4]) == ("REQUESTED", 500, "ref_")
    assert (run.order.refundable, run.order.payment) == (AMOUNT - 500, "PAID")


def test_b15_a_refund_is_told_once_when_it_is_first_accepted() -> None:
    run = at("CONFIRMED")
    run.refund(500)
    refund_id = run.order.refunds[0].id
    told = []
    for status in ("PENDING", "SUCCEEDED", "PENDING"):
        told += run.refunded(refund_id, 500, status).sent()

    assert told == [RefundIssued(ORDER, "ann", refund_id, 500, "GBP")]
    assert (run.order.refunds[0].status, run.order.payment) == ("SUCCEEDED", "PARTLY_REFUNDED")


@pytest.mark.parametrize("status", ["REFUSED", "FAILED_LATER"])
def test_b15_a_refused_refund_frees_its_amount_and_alerts_until_another_is_asked_for(status: str) -> None:
    run = at("CONFIRMED")
    run.refund(AMOUNT)
    if status == "FAILED_LATER":
        run.refunded(run.order.refunds[0].id, AMOUNT)
        assert run.order.payment == "REFUNDED"

    run.refunded(run.order.refunds[0].id, AMOUNT, status)

    assert (run.kinds, run.raised) == ([], ["order_refund_refused"])
    assert (run.order.refundable, run.order.payment) == (AMOUNT, "PAID")
    assert run.order.refunds[0].refusal == "not now"
    run.refund(100)
    assert run.cleared == ["order_refund_refused"]


@pytest.mark.parametrize("state", ["CANCELLING", "CANCELLED"])
def test_b18_a_refund_reported_after_the_cancel_is_history(state: str) -> None:
    run = at("CONFIRMED")
    run.refund(500)
    run.cancel()
    if state == "CANCELLED":
        run.report("CLOSED")
        run.released()

    run.refunded(run.order.refunds[0].id, 500, "REFUSED")

    assert (run.last.intentions, run.order.state, run.order.refunds[0].status) == ((), state, "REFUSED")


def test_parallel_refunds_never_exceed_what_was_captured() -> None:
    run = at("CONFIRMED")
    while run.order.refundable >= 700:
        run.refund(700)

    with pytest.raises(IllegalTransition, match=r"5\.00 GBP of it can still be refunded"):
        run.refund(700)

    assert sum(refund.amount for refund in run.order.refunds) == AMOUNT - 500


def test_f1_goods_leave_from_every_partition_that_holds_them() -> None:
    run = at("CONFIRMED", partitions=2)

    run.ship()

    assert run.last.sent(ShipStock) == [
        ShipStock(ORDER, 0, (ProductQuantity(MUG, 2),)),
        ShipStock(ORDER, 1, (ProductQuantity(PLATE, 3),)),
    ]
    assert (run.order.fulfilment, run.order.tracking, run.order.shipped_at_ms) == ("SHIPPED", "RM1", run.now_ms)
    assert run.entered == [Entered("UNFULFILLED", "SHIPPED", "F1")]


@pytest.mark.parametrize("given", [shipped, delivered])
def test_f3_a_return_brings_goods_back_and_money_with_them(given: Any) -> None:
    run = given(at("CONFIRMED", partitions=2))
    before = run.order.fulfilment

    run.send_back(PLATE, 2, amount=800)

    (back,) = run.last.sent(ReturnStock)
    assert isinstance(back, ReturnStock)
    assert (back.partition, back.lines, back.restock, back.return_id[:4]) == (
        1, (ProductQuantity(PLATE, 2),), True, "ret_",
    )  # fmt: skip
    assert [type(m) for m in run.last.sent()] == [ReturnStock, RefundPayment]
    assert (run.order.fulfilment, run.order.out, run.order.refunds[0].amount) == (before, {MUG: 2, PLATE: 1}, 800)
    assert run.last.reply is run.order


def test_f3_the_order_is_returned_when_nothing_is_left_out() -> None:
    run = delivered(at("CONFIRMED"))
    run.send_back(PLATE, 1)
    run.take(
        ReturnOrder(ORDER, (ProductQuantity(MUG, 2), ProductQuantity(PLATE, 1), ProductQuantity(PLATE, 1)), 0, False)
    )

    assert (run.order.fulfilment, run.order.out) == ("RETURNED", {})
    assert run.entered == [Entered("DELIVERED", "RETURNED", "F3")]
    assert run.order.refunds == ()
