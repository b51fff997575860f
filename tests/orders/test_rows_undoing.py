"""SAGAS.md 1.2, the way back: B13 and B16 to B19, with the settlement that the public sees."""

import pytest

from sagamore.actors.orders.order import Order
from sagamore.actors.orders.order_messages import CancelOrder, OrderCancelled
from sagamore.actors.orders.payment_messages import ClosePayment
from sagamore.actors.orders.stock_messages import ProductQuantity, ReleaseStock
from tests.orders.kit import AMOUNT, MUG, ORDER, PLATE, SOON_MS, Run, at
from tests.orders.rows import ALL_LINES, Case, check, params, undo

REQUESTED = undo("REQUESTED")
REPORTED = ["AUTHORISED", "CAPTURED", "REFUSED", "ACTION_REQUIRED", "CHARGING", "CAPTURING", "VOIDING", "REFUNDING"]
PENDING = ["AWAITING_PAYMENT", "PAYING", "RESERVING", "CAPTURING"]


def closed(run: Run) -> Run:
    run.report("CLOSED")
    return run


def released(run: Run) -> Run:
    run.released()
    return run


def stuck(run: Run) -> Run:
    run.report("STUCK")
    return run


def refund_refused(run: Run) -> Run:
    run.refund(700)
    run.refunded(run.order.refunds[-1].id, 700, "REFUSED")
    return run


def discarded(run: Run) -> Run:
    run.undo_abandoned()
    return run


RELEASE = ReleaseStock(ORDER, 0, ALL_LINES)
CASES = [
    *(Case("B13", lambda state=state: at(state), lambda r: r.cancel(), REQUESTED, "CANCELLING",  # type: ignore[misc]
           [0] if state in ("AWAITING_PAYMENT", "PAYING") else [], note=state) for state in PENDING),
    Case("B13", lambda: at("RESERVING", "reserve_first"), lambda r: r.cancel(), REQUESTED, "CANCELLING", [0],
         note="RESERVING first"),
    Case("B13", lambda: at("CONFIRMED"), lambda r: r.cancel(), REQUESTED, "CANCELLING", note="CONFIRMED"),
    Case("B13", lambda: refund_refused(at("CONFIRMED")), lambda r: r.cancel(), REQUESTED, "CANCELLING",
         cleared=["order_refund_refused"], note="all is given back, a refund that was refused too"),
    Case("B16", lambda: at("CANCELLING"), lambda r: r.report("CLOSED"), [], "CANCELLING", note="CLOSED first"),
    Case("B16", lambda: released(at("CANCELLING")), lambda r: r.report("CLOSED"), [], "CANCELLED", note="CLOSED last"),
    Case("B16", lambda: at("CANCELLING"), lambda r: r.released(), [], "CANCELLING", note="released first"),
    Case("B16", lambda: closed(at("CANCELLING")), lambda r: r.released(), [], "CANCELLED", note="released last"),
    Case("B17", lambda: at("CANCELLING"), lambda r: r.report("STUCK"), [], "CANCELLING", raised=["order_stuck"]),
    Case("B17", lambda: at("CANCELLING"), lambda r: r.report("CHARGING", parked=True), [], "CANCELLING",
         raised=["order_stuck"], note="parked"),
    *(Case("B18", lambda state=state: at(state), lambda r: r.reserved(), [], state, note=f"reserved, {state}")  # type: ignore[misc]
      for state in ("CANCELLING", "CANCELLED")),
    Case("B18", lambda: at("CANCELLING"), lambda r: r.out_of_stock(), [], "CANCELLING", note="out of stock"),
    Case("B18", lambda: at("CANCELLING"), lambda r: r.cancel(), [], "CANCELLING", note="Cancel again"),
    Case("B18", lambda: at("CANCELLED"), lambda r: r.cancel(), [], "CANCELLED", note="Cancel at the end"),
    Case("B19", lambda: at("CANCELLED"), lambda r: r.report("REFUNDING", captured=AMOUNT), [], "CANCELLING",
         raised=["order_reopened"], note="money turned up"),
    Case("B19", lambda: at("CANCELLED"), lambda r: r.report("VOIDING", unknown=True), [], "CANCELLING",
         raised=["order_reopened"], note="unknown"),
    Case("B19", lambda: at("CANCELLED"), lambda r: r.report("REFUNDING", parked=True), [], "CANCELLING",
         raised=["order_stuck", "order_reopened"], note="parked"),
    Case("B19", lambda: at("CANCELLED"), lambda r: r.report("STUCK"), [], "CANCELLING",
         raised=["order_stuck", "order_reopened"], note="a refund failed days later"),
    *(Case("X4", lambda: at("CANCELLING"), lambda r, state=state: r.report(state), [], "CANCELLING", note=state)  # type: ignore[misc]
      for state in REPORTED),
    Case("X4", lambda: at("CANCELLING"), lambda r: r.report("CHARGING", unknown=True), [], "CANCELLING",
         note="unknown"),
    Case("X4", lambda: stuck(at("CANCELLING")), lambda r: r.report("REFUNDING"), [], "CANCELLING",
         cleared=["order_stuck"], note="no longer STUCK"),
    Case("X5", lambda: at("CANCELLED"), lambda r: r.report("CLOSED", captured=AMOUNT, refunded=AMOUNT), [],
         "CANCELLED"),
    Case("X5", lambda: at("CANCELLED"), lambda r: r.undo_abandoned(), [], "CANCELLED", note="undone after all"),
    Case("X5", lambda: at("CANCELLED"), lambda r: r.released(), [], "CANCELLED", note="released twice"),
    Case("X6", lambda: at("CANCELLING"), lambda r: r.undo_abandoned(), [], "CANCELLING", raised=["order_stuck"]),
    Case("X7", lambda: discarded(at("CANCELLING")), lambda r: r.cancel(), [ClosePayment(ORDER), RELEASE], "CANCELLING",
         cleared=["order_stuck"]),
]  # fmt: skip


@pytest.mark.parametrize("case", params(CASES))
def test_undoing(case: Case) -> None:
    order = check(case).order

    assert order.status == "CANCELLED"
    expected = "STUCK" if "order_stuck" in case.raised else "SETTLED" if case.state == "CANCELLED" else "DUE"
    assert order.settlement == expected


def test_b13_every_partition_that_owns_a_line_is_released_asked_before_or_not() -> None:
    run = at("PAYING", partitions=2)

    run.cancel()

    assert run.last.sent() == [
        ClosePayment(ORDER),
        ReleaseStock(ORDER, 0, (ProductQuantity(MUG, 2),)),
        ReleaseStock(ORDER, 1, (ProductQuantity(PLATE, 3),)),
        OrderCancelled(ORDER, "ann", "REQUESTED"),
    ]


def test_b13_an_operators_cancel_bears_his_name() -> None:
    run = at("PAYING")

    run.take(CancelOrder(ORDER, "OPERATOR", "bob"))

    assert (run.order.reason, run.order.cancelled_by) == ("OPERATOR", "bob")


def test_b16_waits_for_every_partition() -> None:
    run = at("CANCELLING", partitions=2)
    run.report("CLOSED")
    run.released(1)
    run.released(1)
    assert (run.order.state, run.order.released) == ("CANCELLING", (1,))

    run.released(0)

    assert (run.order.state, run.order.settlement) == ("CANCELLED", "SETTLED")


@pytest.mark.parametrize("state", ["CANCELLING", "CANCELLED"])
def test_b18_cancel_again_is_answered_as_the_first_time(state: str) -> None:
    run = at(state)
    before = run.order

    run.cancel()

    assert run.last.reply is before
    assert run.order is before


def test_b16_what_was_given_up_is_forgotten_when_the_payment_closes_last() -> None:
    run = at("CANCELLING")
    run.undo_abandoned()
    run.released()

    run.report("CLOSED")

    assert (run.order.settlement, run.order.news_discarded) == ("SETTLED", False)


def test_b17_is_stuck_until_a_replay_finishes_it() -> None:
    run = at("CANCELLING")
    run.report("STUCK")
    run.released()
    run.report("CLOSED")

    assert (run.order.state, run.order.settlement, run.cleared) == ("CANCELLED", "SETTLED", ["order_stuck"])


def test_an_order_whose_payment_is_parked_is_stuck_as_soon_as_it_is_cancelled() -> None:
    run = at("PAYING")
    run.report("CHARGING", parked=True)

    run.cancel()

    assert run.order.settlement == "STUCK"
    assert (run.raised, run.cleared) == (["order_stuck"], ["order_payment_parked"])


def test_an_undo_that_a_person_gave_up_stays_stuck_through_other_news() -> None:
    run = at("CANCELLING")
    seen = []
    for step in (run.undo_abandoned, lambda: run.report("CLOSED"), run.released, lambda: run.report("VOIDING")):
        step()
        seen.append(run.order.settlement)

    assert seen == ["STUCK", "STUCK", "SETTLED", "DUE"], "what was given up once is no reason to be stuck later"


def test_b19_a_settled_order_that_is_reopened_settles_again() -> None:
    run = at("CANCELLED", partitions=2)
    run.report("VOIDING")
    assert (run.order.settlement, run.order.released) == ("DUE", (0, 1))

    run.report("CLOSED")

    assert (run.order.state, run.order.settlement, run.cleared) == ("CANCELLED", "SETTLED", ["order_reopened"])
    assert not run.order.reopened


@pytest.mark.parametrize("state", REPORTED)
def test_b19_takes_every_report_but_closed(state: str) -> None:
    run = at("CANCELLED")

    run.report(state)

    assert (run.order.state, run.order.settlement) == ("CANCELLING", "DUE")


def test_what_the_customer_hears_is_true_at_once() -> None:
    run = at("AWAITING_PAYMENT", pay_by_ms=SOON_MS)

    answer = run.cancel().reply

    assert isinstance(answer, Order)
    assert (answer.status, answer.settlement, answer.reason) == ("CANCELLED", "DUE", "REQUESTED")
