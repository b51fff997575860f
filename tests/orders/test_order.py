"""What the public sees of an order (SAGAS.md 1.1), how it is stored and how commands are answered."""

from typing import Any

import pytest

from sagamore.actors.orders.alerts import alerts_of
from sagamore.actors.orders.order import Order, OrderRef
from sagamore.actors.orders.order_messages import CancelOrder, DeadlinePassed, PayOrder, ShipOrder
from sagamore.actors.orders.orders import OrderMessage, OrdersActor
from sagamore.actors.orders.payment_messages import Capture, NextAction
from sagamore.actors.orders.settings import OrderSettings, SagaName
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import encode
from sagamore.engine.testing import NOON_MS
from sagamore.engine.turn import Replied, TimerSet
from tests.orders.kit import AMOUNT, ORDER, SOON_MS, Run, at, turn_for


def after(state: str, *steps: Any, **options: Any) -> Order:
    run = at(state, **options)
    for step in steps:
        step(run)
    return run.order


def report(state: str, **fields: Any) -> Any:
    return lambda run: run.report(state, **fields)


def cancel(run: Run) -> Any:
    return run.cancel()


def released(run: Run) -> Any:
    return run.released()


def refund(amount: int) -> Any:
    def steps(run: Run) -> None:
        run.refund(amount)
        run.refunded(run.order.refunds[-1].id, amount)

    return steps


PAYMENT = [
    ("NONE", lambda: after("AWAITING_PAYMENT")),
    ("NONE", lambda: after("AWAITING_PAYMENT", cancel, report("CLOSED"))),
    ("PROCESSING", lambda: after("PAYING")),
    ("PROCESSING", lambda: after("PAYING", report("CHARGING"))),
    ("PROCESSING", lambda: after("PAYING", report("REFUSED"), lambda r: r.pay(), pay_by_ms=SOON_MS)),
    ("ACTION_REQUIRED", lambda: after("PAYING", report("ACTION_REQUIRED"))),
    ("UNKNOWN", lambda: after("PAYING", report("CHARGING", unknown=True))),
    ("UNKNOWN", lambda: after("CAPTURING", report("CAPTURING", parked=True))),
    ("REFUSED", lambda: after("PAYING", report("REFUSED"), pay_by_ms=SOON_MS)),
    ("REFUSED", lambda: after("PAYING", report("REFUSED"), report("CLOSED"))),
    ("AUTHORISED", lambda: after("RESERVING")),
    ("AUTHORISED", lambda: after("CAPTURING")),
    ("PAID", lambda: after("CONFIRMED")),
    ("PAID", lambda: after("CONFIRMED", lambda r: r.refund(500))),
    ("PAID", lambda: after("CONFIRMED", report("CAPTURED", unknown=True))),
    ("PARTLY_REFUNDED", lambda: after("CONFIRMED", refund(500))),
    ("REFUNDED", lambda: after("CONFIRMED", refund(500), refund(AMOUNT - 500))),
    ("REFUNDED", lambda: after("CONFIRMED", cancel, report("CLOSED", captured=AMOUNT, refunded=AMOUNT))),
    ("VOIDED", lambda: after("RESERVING", cancel, report("CLOSED"), released)),
    ("STUCK", lambda: after("CONFIRMED", cancel, report("STUCK", captured=AMOUNT))),
]


@pytest.mark.parametrize("view, order", PAYMENT, ids=[f"{n} {view}" for n, (view, _) in enumerate(PAYMENT)])
def test_payment_as_the_public_sees_it(view: str, order: Any) -> None:
    assert order().payment == view


CANCELLED = [
    (0, lambda: after("RESERVING", cancel, report("CLOSED"), released)),
    (0, lambda: after("CONFIRMED", cancel)),
    (500, lambda: after("CONFIRMED", refund(500), cancel)),
    (500, lambda: after("CONFIRMED", refund(500), cancel, report("STUCK", captured=AMOUNT, refunded=500))),
    (AMOUNT, lambda: after("CONFIRMED", cancel, report("CLOSED", captured=AMOUNT, refunded=AMOUNT))),
    (AMOUNT, lambda: after("CONFIRMED", refund(500), cancel, report("CLOSED", captured=AMOUNT, refunded=AMOUNT))),
]


@pytest.mark.parametrize(("refunded", "order"), CANCELLED)
def test_of_a_cancelled_order_nothing_is_refundable_and_refunded_is_what_its_payment_says(
    refunded: int, order: Any
) -> None:
    assert (order().refunded, order().refundable) == (refunded, 0)


PUBLIC = {
    "AWAITING_PAYMENT": ("PENDING", ""), "PAYING": ("PENDING", ""), "RESERVING": ("PENDING", ""),
    "CAPTURING": ("PENDING", ""), "CONFIRMED": ("CONFIRMED", ""), "CANCELLING": ("CANCELLED", "DUE"),
    "CANCELLED": ("CANCELLED", "SETTLED"),
}  # fmt: skip


@pytest.mark.parametrize("saga", ["pay_first", "reserve_first"])
@pytest.mark.parametrize(
    ("state", "capture"),
    [(state, capture) for state in PUBLIC for capture in ("on_confirm", "at_once") if state != "CAPTURING"]
    + [("CAPTURING", "on_confirm")],
)
def test_status_and_settlement_follow_from_the_state(state: str, saga: SagaName, capture: Capture) -> None:
    order = at(state, saga, capture).order

    assert (order.status, order.settlement) == PUBLIC[state]
    assert (order.saga, order.saga_version, order.capture) == (saga, 1, capture)


def test_next_action_is_shown_while_the_customer_must_act() -> None:
    assert after("PAYING", report("ACTION_REQUIRED")).next_action == NextAction("redirect", "https://bank.example/3ds")
    assert after("PAYING", report("ACTION_REQUIRED"), report("AUTHORISED")).next_action is None


def test_an_order_keeps_the_table_it_was_born_with() -> None:
    run = at("PAYING", "reserve_first")
    run.actor = OrdersActor(OrderSettings(saga="pay_first", capture="at_once"))

    run.report("AUTHORISED")

    assert run.order.state == "CAPTURING"


@pytest.mark.parametrize(
    ("state", "command"),
    [
        ("AWAITING_PAYMENT", PayOrder(ORDER, "pm_card")),
        ("PAYING", CancelOrder(ORDER)),
        ("CANCELLED", CancelOrder(ORDER)),
        ("CONFIRMED", ShipOrder(ORDER)),
    ],
)
def test_a_command_is_answered_with_the_order_and_its_id_is_kept(state: str, command: OrderMessage) -> None:
    run = at(state)
    turn = turn_for(run)

    order = run.actor.handle(run.order, command, turn)

    assert order is not None
    assert turn.replied == Replied(order, OrderRef(ORDER))


def test_a_stored_order_says_only_what_is_not_as_usual() -> None:
    stored = encode(at("CONFIRMED").order)

    assert b'"status":"CONFIRMED"' in stored
    assert b'"reference":"#1001"' in stored
    assert b"refunds" not in stored
    assert b"pm_card" not in stored
    assert len(stored) < 800


def test_an_order_placed_elsewhere_keeps_its_date() -> None:
    run = at("PAYING")

    assert (run.order.placed_at_ms, run.order.created_at_ms) == (NOON_MS, NOON_MS)


def test_a_report_that_repeats_the_last_one_is_history() -> None:
    run = at("PAYING", pay_by_ms=SOON_MS)
    run.report("REFUSED")

    run.report("REFUSED")

    assert (run.order.state, run.last.intentions) == ("AWAITING_PAYMENT", ())
    assert run.order.snapshot.revision == run.revision


def test_a_deadline_that_was_stopped_changes_nothing() -> None:
    run = at("CAPTURING", "reserve_first")
    before = run.order

    run.take(DeadlinePassed(ORDER))

    assert (run.order is before, run.last.intentions) == (True, ())


def test_no_alert_is_left_on_an_order_that_has_settled() -> None:
    order = after("CONFIRMED", cancel, report("STUCK"), report("CLOSED"), released, report("STUCK"), report("CLOSED"))

    assert (order.state, alerts_of(order)) == ("CANCELLED", ())


@pytest.mark.parametrize(("saga", "patience_ms"), [("pay_first", 1_000), ("reserve_first", 2_000)])
def test_a_setting_says_how_long_an_order_waits(saga: SagaName, patience_ms: int) -> None:
    run = Run(saga, "on_confirm", 1)
    run.actor = OrdersActor(OrderSettings(saga=saga, action_timeout_ms=1_000, hold_time_ms=2_000))

    run.place()

    assert [timer.due_ms for timer in run.last.of(TimerSet)] == [NOON_MS + patience_ms]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("saga", "pay_last"), ("capture", "never"), ("action_timeout_ms", 0), ("hold_time_ms", 1.5),
        ("hold_time_ms", 10**12),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        OrderSettings(**{field: value})

    assert refused.value.field == field
