"""SAGAS.md 1.2, the way to CONFIRMED: every row of pay_first and reserve_first, and B1 to B12."""

import pytest

from sagamore.actors.orders.order_messages import PaymentActionRequired, PaymentFailed
from sagamore.actors.orders.payment_messages import CapturePayment, NextAction
from sagamore.actors.orders.stock_messages import ProductQuantity, ReserveStock
from sagamore.engine.testing import NOON_MS
from tests.orders.kit import MUG, ORDER, PLATE, SOON_MS, Run, at
from tests.orders.rows import CONFIRMED, CREATED, Case, check, params, reserve, start, undo

ACTION_MS = NOON_MS + 30 * 60_000
HOLD_MS = NOON_MS + 15 * 60_000
FAILED = PaymentFailed(ORDER, "ann", 1, "card_declined: no")
BANK = NextAction("redirect", "https://bank.example/3ds")
CAPTURE = CapturePayment(ORDER)

PAY_FIRST = [
    Case("P1", lambda: at("NEW"), lambda r: r.place(), [CREATED, start()], "PAYING", [ACTION_MS]),
    Case("P1", lambda: at("NEW"), lambda r: r.place(pay_by_ms=SOON_MS), [CREATED, start()], "PAYING", [SOON_MS],
         note="with pay_by"),
    Case("P1", lambda: at("NEW", capture="at_once"), lambda r: r.place(), [CREATED, start(capture="at_once")], "PAYING",
         [ACTION_MS], note="charged at once"),
    Case("P2", lambda: at("NEW"), lambda r: r.place(method="", pay_by_ms=SOON_MS), [CREATED], "AWAITING_PAYMENT",
         [SOON_MS]),
    Case("P3", lambda: at("PAYING"), lambda r: r.report("AUTHORISED"), [reserve()], "RESERVING", [0]),
    Case("P3", lambda: at("PAYING", capture="at_once"), lambda r: r.report("CAPTURED"), [reserve()], "RESERVING", [0],
         note="charged at once"),
    Case("P4", lambda: at("RESERVING"), lambda r: r.reserved(), [CAPTURE], "CAPTURING"),
    Case("P5", lambda: at("RESERVING", capture="at_once"), lambda r: r.reserved(), [CONFIRMED], "CONFIRMED"),
]  # fmt: skip

RESERVE_FIRST = [
    Case("R1", lambda: at("NEW", "reserve_first"), lambda r: r.place(), [CREATED, reserve(HOLD_MS)], "RESERVING",
         [HOLD_MS]),
    Case("R1", lambda: at("NEW", "reserve_first"), lambda r: r.place(method="", pay_by_ms=SOON_MS),
         [CREATED, reserve(SOON_MS)], "RESERVING", [SOON_MS], note="pay later"),
    Case("R2", lambda: at("RESERVING", "reserve_first"), lambda r: r.reserved(), [start()], "PAYING"),
    Case("R3", lambda: at("RESERVING", "reserve_first", later=True), lambda r: r.reserved(), [], "AWAITING_PAYMENT"),
    Case("R3", lambda: passed(at("RESERVING", "reserve_first", later=True)), lambda r: r.reserved(), undo("EXPIRED"),
         "CANCELLING", note="too late"),
    Case("R4", lambda: at("PAYING", "reserve_first"), lambda r: r.report("AUTHORISED"), [CAPTURE], "CAPTURING", [0]),
    Case("R5", lambda: at("PAYING", "reserve_first", "at_once"), lambda r: r.report("CAPTURED"), [CONFIRMED],
         "CONFIRMED", [0]),
]  # fmt: skip

BOTH = [
    Case("B1", lambda: at("RESERVING", partitions=2), lambda r: r.reserved(0),
         [ReserveStock(ORDER, 1, (ProductQuantity(PLATE, 3),), 0)], "RESERVING"),
    Case("B2", lambda: at("CAPTURING"), lambda r: r.report("CAPTURED"), [CONFIRMED], "CONFIRMED"),
    Case("B3", lambda: at("AWAITING_PAYMENT"), lambda r: r.pay(), [start(1, "pm_other")], "PAYING"),
    Case("B3", lambda: refused(at("PAYING", pay_by_ms=SOON_MS)), lambda r: r.pay(), [start(2, "pm_other")], "PAYING",
         note="again"),
    Case("B4", lambda: at("AWAITING_PAYMENT"), lambda r: r.deadline(), undo("EXPIRED"), "CANCELLING", [0]),
    Case("B5", lambda: at("PAYING", pay_by_ms=SOON_MS), lambda r: r.report("REFUSED"), [FAILED], "AWAITING_PAYMENT"),
    Case("B6", lambda: at("PAYING"), lambda r: r.report("REFUSED"), [FAILED, *undo("PAYMENT_REFUSED")], "CANCELLING",
         [0]),
    Case("B6", lambda: passed(at("PAYING", pay_by_ms=SOON_MS)), lambda r: r.report("REFUSED"),
         [FAILED, *undo("PAYMENT_REFUSED")], "CANCELLING", note="pay_by has passed"),
    Case("B6", lambda: late(at("PAYING", pay_by_ms=SOON_MS)), lambda r: r.report("REFUSED"),
         [FAILED, *undo("PAYMENT_REFUSED")], "CANCELLING", [0], note="the timer is about to come"),
    Case("B7", lambda: at("PAYING"), lambda r: r.report("ACTION_REQUIRED"), [PaymentActionRequired(ORDER, "ann", BANK)],
         "PAYING"),
    Case("B7b", lambda: passed(at("PAYING")), lambda r: r.report("ACTION_REQUIRED"), undo("EXPIRED"), "CANCELLING"),
    Case("B8", lambda: at("PAYING"), lambda r: r.report("CHARGING", unknown=True), [], "PAYING"),
    Case("B8", lambda: at("CAPTURING"), lambda r: r.report("CAPTURING", unknown=True), [], "CAPTURING",
         note="of the capture"),
    Case("B8", lambda: at("PAYING"), lambda r: r.report("CHARGING", parked=True), [], "PAYING",
         raised=["order_payment_parked"], note="parked"),
    Case("B9", lambda: acting(at("PAYING")), lambda r: r.deadline(), undo("EXPIRED"), "CANCELLING", [0]),
    Case("B10", lambda: at("PAYING"), lambda r: r.deadline(), [], "PAYING"),
    Case("B10", lambda: at("RESERVING", "reserve_first"), lambda r: r.deadline(), [], "RESERVING", note="reserving"),
    Case("B11", lambda: at("RESERVING"), lambda r: r.out_of_stock(), undo("OUT_OF_STOCK"), "CANCELLING"),
    Case("B11", lambda: at("RESERVING", "reserve_first"), lambda r: r.out_of_stock(), undo("OUT_OF_STOCK"),
         "CANCELLING", [0], note="before it was paid"),
    Case("B12", lambda: at("CAPTURING"), lambda r: r.report("REFUSED"), undo("PAYMENT_REFUSED"), "CANCELLING"),
    Case("B12", lambda: at("RESERVING"), lambda r: r.report("REFUSED"), undo("PAYMENT_REFUSED"), "CANCELLING",
         note="while it reserves"),
    Case("B12", lambda: at("CAPTURING"), lambda r: r.report("REFUSED", lapsed=True), undo("AUTHORISATION_LAPSED"),
         "CANCELLING", note="lapsed before the capture"),
    Case("B12", lambda: at("RESERVING"), lambda r: r.report("REFUSED", lapsed=True), undo("AUTHORISATION_LAPSED"),
         "CANCELLING", note="lapsed"),
    Case("X1", lambda: parked(at("PAYING")), lambda r: r.report("CHARGING"), [], "PAYING",
         cleared=["order_payment_parked"]),
    Case("X1", lambda: parked(at("CAPTURING")), lambda r: r.report("CAPTURING"), [], "CAPTURING",
         cleared=["order_payment_parked"], note="of the capture"),
    Case("X2", lambda: parked(at("CAPTURING")), lambda r: r.report("AUTHORISED"), [CAPTURE], "CAPTURING",
         cleared=["order_payment_parked"]),
]  # fmt: skip


def passed(run: Run) -> Run:
    run.deadline()
    assert run.order.deadline_passed
    return run


def late(run: Run) -> Run:
    run.now_ms = run.order.deadline_ms
    return run


def refused(run: Run) -> Run:
    run.report("REFUSED")
    return run


def acting(run: Run) -> Run:
    run.report("ACTION_REQUIRED")
    return run


def parked(run: Run) -> Run:
    run.report("CAPTURING" if run.order.state == "CAPTURING" else "CHARGING", parked=True)
    return run


@pytest.mark.parametrize("case", params(PAY_FIRST))
def test_pay_first(case: Case) -> None:
    assert check(case).order.status in ("PENDING", "CONFIRMED")


@pytest.mark.parametrize("case", params(RESERVE_FIRST))
def test_reserve_first(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", params(BOTH))
def test_both(case: Case) -> None:
    run = check(case)

    assert run.order.status == ("CANCELLED" if case.state == "CANCELLING" else run.order.status)
    assert run.order.settlement == ("DUE" if case.state == "CANCELLING" else "")


def test_b1_asks_one_partition_after_the_other_ascending() -> None:
    run = at("PAYING", partitions=2)
    steps = (run.paid, lambda: run.reserved(0), lambda: run.reserved(1))
    asked = [step().sent(ReserveStock) for step in steps]

    mugs, plates = (ProductQuantity(MUG, 2),), (ProductQuantity(PLATE, 3),)
    assert asked == [[ReserveStock(ORDER, 0, mugs, 0)], [ReserveStock(ORDER, 1, plates, 0)], []]
    assert run.order.state == "CAPTURING"


@pytest.mark.parametrize("saga", ["pay_first", "reserve_first"])
def test_b10_a_charge_that_is_unknown_is_never_timed_out(saga: str) -> None:
    run = at("PAYING", saga)  # type: ignore[arg-type]
    run.report("CHARGING", unknown=True)
    run.deadline()
    assert run.order.payment == "UNKNOWN"

    run.report("AUTHORISED")

    assert run.order.state == ("RESERVING" if saga == "pay_first" else "CAPTURING")


def test_b5_keeps_the_timer_that_b4_needs() -> None:
    run = refused(at("PAYING", pay_by_ms=SOON_MS))
    assert (run.order.state, run.order.deadline_ms) == ("AWAITING_PAYMENT", SOON_MS)

    run.deadline()

    assert run.order.reason == "EXPIRED"


def test_b5_does_not_follow_a_timer_that_came_before_the_clock_was_set_back() -> None:
    run = passed(at("PAYING", pay_by_ms=SOON_MS))
    run.now_ms = NOON_MS

    run.report("REFUSED")

    assert run.order.state == "CANCELLING"


def test_the_payment_method_is_kept_only_until_the_payment_begins() -> None:
    waiting = at("RESERVING", "reserve_first")
    assert waiting.order.payment_method == "pm_card"

    waiting.reserved()

    assert waiting.order.payment_method == ""
    assert at("PAYING").order.payment_method == ""
    gone = at("RESERVING", "reserve_first")
    gone.cancel()
    assert gone.order.payment_method == ""
