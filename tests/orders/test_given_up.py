"""What is left when a person discards the dead letter of something that an order waited for (PROTOCOL 8)."""

import pytest

from sagamore.actors.orders.order import Order
from sagamore.actors.orders.order_messages import CancelOrder, DeadlinePassed
from sagamore.actors.orders.orders import OrderMessage
from sagamore.actors.orders.payment_messages import ClosePayment, PaymentReport, RefundReport
from sagamore.actors.orders.stock_messages import ProductQuantity, ReleaseStock, StockReleased, StockReserved
from sagamore.engine.turn import AlertRaised, Turn
from tests.orders.kit import AMOUNT, ORDER, PLATE, Run, at, turn_for
from tests.orders.rows import ALL_LINES


def give_up(run: Run, message: OrderMessage) -> tuple[Order, Turn]:
    turn = turn_for(run)
    order = run.actor.given_up(run.state, message, turn)
    assert order is not None
    run.state = order
    return order, turn


def test_a_pending_order_whose_news_was_discarded_alerts_until_it_is_cancelled() -> None:
    run = at("RESERVING")

    order, turn = give_up(run, StockReserved(ORDER, 0))

    assert [i.name for i in turn.intentions if isinstance(i, AlertRaised)] == ["order_news_discarded"]
    assert order.state == "RESERVING"
    run.cancel()
    assert (run.cleared, run.order.settlement) == (["order_news_discarded"], "DUE")


def test_an_undo_whose_news_was_discarded_is_stuck() -> None:
    run = at("CANCELLING")

    order, turn = give_up(run, PaymentReport(ORDER, 9, "CLOSED", 1, False, False, 0, 0))

    assert order.settlement == "STUCK"
    assert [i.name for i in turn.intentions if isinstance(i, AlertRaised)] == ["order_stuck"]


@pytest.mark.parametrize(
    "discarded", [PaymentReport(ORDER, 9, "CLOSED", 1, False, False, 0, 0), StockReleased(ORDER, 1)]
)
def test_an_order_that_is_stuck_for_discarded_news_is_undone_when_it_is_cancelled_again(
    discarded: OrderMessage,
) -> None:
    run = at("CANCELLING", partitions=2)
    run.released(0)
    give_up(run, discarded)

    run.cancel()

    assert run.last.sent() == [ClosePayment(ORDER), ReleaseStock(ORDER, 1, (ProductQuantity(PLATE, 3),))]
    assert (run.cleared, run.order.settlement) == (["order_stuck"], "DUE")
    run.released(1)
    run.report("CLOSED")
    assert (run.order.state, run.order.settlement) == ("CANCELLED", "SETTLED")
    run.released(1)  # the one that was discarded was under way twice
    assert run.last.intentions == ()


def test_a_release_that_was_discarded_is_asked_for_again_when_the_order_is_cancelled_again() -> None:
    run = at("CANCELLING")
    run.undo_abandoned()
    stuck = run.order

    run.cancel()

    assert run.last.sent() == [ClosePayment(ORDER), ReleaseStock(ORDER, 0, ALL_LINES)]
    assert (stuck.settlement, run.order.settlement) == ("STUCK", "DUE")


def test_a_refund_whose_report_was_discarded_has_become_what_the_report_says() -> None:
    run = at("CONFIRMED")
    ids = [run.refund(400).state.refunds[-1].id for _ in range(2)]

    order, turn = give_up(run, RefundReport(ORDER, ids[0], 400, "REFUSED", 0, AMOUNT, "account_closed: no"))

    assert [(r.status, r.refusal) for r in order.refunds] == [("REFUSED", "account_closed: no"), ("REQUESTED", "")]
    assert order.refundable == AMOUNT - 400
    assert [i.name for i in turn.intentions if isinstance(i, AlertRaised)] == ["order_refund_refused"]

    run.cancel()
    order, turn = give_up(run, RefundReport(ORDER, ids[1], 400, "SUCCEEDED", 400, AMOUNT - 400))

    assert (order.refunds[1].status, order.settlement, turn.intentions) == ("SUCCEEDED", "DUE", [])


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("CONFIRMED", PaymentReport(ORDER, 99, "CAPTURED", 1, False, False, AMOUNT, 0)),
        ("CANCELLED", StockReserved(ORDER, 0)),
        ("CANCELLING", RefundReport(ORDER, "ref_of_nobody", 400, "SUCCEEDED", 400, 0)),
        ("PAYING", CancelOrder(ORDER)),
        ("RESERVING", PaymentReport(ORDER, 1, "AUTHORISED", 1, False, False, 0, 0)),
        ("RESERVING", DeadlinePassed(ORDER)),
    ],
)
def test_discarding_what_nobody_waits_for_changes_nothing(state: str, message: OrderMessage) -> None:
    run = at(state)
    before = run.order

    order, turn = give_up(run, message)

    assert (order is before, turn.intentions) == (True, [])
