"""What is illegal in which state: refused to a client with what is allowed, a bug if an actor sent it, old news if it
comes late. Nothing changes."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from sagamore.actors.orders.errors import IllegalTransition, PayByPassed, UnknownOrder
from sagamore.actors.orders.order import Refund
from sagamore.actors.orders.payment import REFUNDS_MAX
from sagamore.actors.orders.payment_messages import PaymentReport
from sagamore.actors.orders.stock_messages import StockReserved
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.testing import NOON_MS
from tests.orders.kit import AMOUNT, MUG, ORDER, Run, at
from tests.orders.test_rows_confirmed import delivered, shipped


def early(run: Run) -> Run:
    run.now_ms = run.order.deadline_ms
    return run


def give_back(run: Run, amount: int = AMOUNT) -> Run:
    run.refund(amount)
    return run


ILLEGAL: dict[str, tuple[Any, Any, str, list[str]]] = {
    "Cancel after shipping": (
        lambda: shipped(at("CONFIRMED")), lambda r: r.cancel(), "Cancel", ["Refund", "Deliver", "Return"],
    ),
    "Cancel after delivery": (
        lambda: delivered(at("CONFIRMED")), lambda r: r.cancel(), "Cancel", ["Refund", "Return"],
    ),
    "Pay while it is paid": (lambda: at("PAYING"), lambda r: r.pay(), "Pay", ["Cancel"]),
    "Pay after it was paid": (lambda: at("RESERVING"), lambda r: r.pay(), "Pay", ["Cancel"]),
    "Pay on the deadline": (lambda: early(at("AWAITING_PAYMENT")), lambda r: r.pay(), "Pay", ["Cancel"]),
    "Pay a confirmed order": (
        lambda: at("CONFIRMED"), lambda r: r.pay(), "Pay", ["Cancel", "Refund", "Ship"],
    ),
    "Ship before it is confirmed": (lambda: at("CAPTURING"), lambda r: r.ship(), "Ship", ["Cancel"]),
    "Ship twice": (lambda: shipped(at("CONFIRMED")), lambda r: r.ship(), "Ship", ["Refund", "Deliver", "Return"]),
    "Deliver before Ship": (lambda: at("CONFIRMED"), lambda r: r.deliver(), "Deliver", ["Cancel", "Refund", "Ship"]),
    "Deliver twice": (lambda: delivered(at("CONFIRMED")), lambda r: r.deliver(), "Deliver", ["Refund", "Return"]),
    "Refund before it is confirmed": (lambda: at("RESERVING"), lambda r: r.refund(1), "Refund", ["Cancel"]),
    "Refund above what is left": (
        lambda: at("CONFIRMED"), lambda r: r.refund(AMOUNT + 1), "Refund", ["Cancel", "Refund", "Ship"],
    ),
    "Refund nothing": (lambda: at("CONFIRMED"), lambda r: r.refund(0), "Refund", ["Cancel", "Refund", "Ship"]),
    "Refund where nothing is left": (
        lambda: give_back(at("CONFIRMED")), lambda r: r.refund(1), "Refund", ["Cancel", "Ship"],
    ),
    "Return before Ship": (
        lambda: at("CONFIRMED"), lambda r: r.send_back(MUG, 1), "Return", ["Cancel", "Refund", "Ship"],
    ),
    "Return above what shipped": (
        lambda: shipped(at("CONFIRMED")), lambda r: r.send_back(MUG, 3), "Return", ["Refund", "Deliver", "Return"],
    ),
    "Return what was never ordered": (
        lambda: shipped(at("CONFIRMED")), lambda r: r.send_back("CUP", 1), "Return", ["Refund", "Deliver", "Return"],
    ),
    "Return nothing": (
        lambda: shipped(at("CONFIRMED")), lambda r: r.send_back(MUG, 0), "Return", ["Refund", "Deliver", "Return"],
    ),
    "Return for more than was paid": (
        lambda: shipped(at("CONFIRMED")), lambda r: r.send_back(MUG, 1, AMOUNT + 1), "Return",
        ["Refund", "Deliver", "Return"],
    ),
    "Return for more than is left": (
        lambda: shipped(give_back(at("CONFIRMED"), 500)), lambda r: r.send_back(MUG, 1, AMOUNT - 499), "Return",
        ["Refund", "Deliver", "Return"],
    ),
    **{
        f"{action} a {state} order": (
            lambda state=state: at(state), lambda r, action=action: getattr(r, action.lower())(), action, ["Cancel"],
        )
        for state in ("CANCELLING", "CANCELLED")
        for action in ("Pay", "Ship", "Deliver")
    },
    "Refund a CANCELLED order": (lambda: at("CANCELLED"), lambda r: r.refund(1), "Refund", ["Cancel"]),
    "Return a CANCELLED order": (lambda: at("CANCELLED"), lambda r: r.send_back(MUG, 1), "Return", ["Cancel"]),
    "Place twice": (lambda: at("PAYING"), lambda r: r.place(), "Place", ["Cancel"]),
}  # fmt: skip


@pytest.mark.parametrize("given, when, action, allowed", ILLEGAL.values(), ids=ILLEGAL)
def test_illegal_transitions_name_the_state_and_what_is_allowed(
    given: Any, when: Any, action: str, allowed: list[str]
) -> None:
    run = given()
    before = run.order

    with pytest.raises(IllegalTransition) as refused:
        when(run)

    assert (refused.value.state, refused.value.action, list(refused.value.allowed)) == (before.state, action, allowed)
    assert before.state in str(refused.value)
    assert run.order is before


def test_the_number_of_refunds_of_an_order_is_bounded_and_those_that_were_refused_count() -> None:
    run = shipped(at("CONFIRMED"))
    asked = tuple(Refund(f"ref_{n}", 1, "", "REFUSED") for n in range(REFUNDS_MAX))
    run.state = replace(run.order, refunds=asked)

    again: tuple[Callable[[], object], ...] = (lambda: run.refund(1), lambda: run.send_back(MUG, 1, 1))
    for action in again:
        with pytest.raises(IllegalTransition, match="1000 refunds were asked for, and more cannot be"):
            action()
    run.send_back(MUG, 1)  # goods may come back without money


def test_an_action_on_no_order_names_the_id() -> None:
    with pytest.raises(UnknownOrder, match=ORDER):
        at("NEW").cancel()


def test_an_order_to_be_paid_in_the_past_is_refused() -> None:
    with pytest.raises(PayByPassed):
        at("NEW").place(pay_by_ms=NOON_MS)


@pytest.mark.parametrize(
    ("given", "when"),
    [
        (lambda: at("NEW"), lambda r: r.report("CAPTURED")),
        (lambda: at("AWAITING_PAYMENT"), lambda r: r.take(StockReserved(ORDER, 0))),
        (lambda: at("PAYING"), lambda r: r.report("CLOSED")),
        (lambda: at("PAYING"), lambda r: r.report("AUTHORISED", attempt=2)),
        (lambda: at("CONFIRMED"), lambda r: r.report("REFUSED")),
        (lambda: at("CONFIRMED"), lambda r: r.refunded("ref_unknown", 1)),
        (lambda: at("CONFIRMED"), lambda r: r.released()),
        (lambda: at("RESERVING"), lambda r: r.undo_abandoned()),
    ],
)
def test_what_an_actor_must_not_send_is_a_bug_and_no_refusal(given: Any, when: Any) -> None:
    run = given()
    before = run.state

    with pytest.raises(Unlisted):
        when(run)

    assert run.state is before


def test_news_older_than_what_is_known_changes_nothing() -> None:
    run = at("CONFIRMED")
    before = run.order

    run.take(PaymentReport(ORDER, 1, "REFUSED", 1, False, False, 0, 0))

    assert run.order is before
    assert run.last.intentions == ()
