"""How a row of SAGAS.md is written down as a test: an order in a state, what happens, and all that must come of it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from sagamore.actors.orders.facts import Entered
from sagamore.actors.orders.order_messages import OrderCancelled, OrderConfirmed, OrderCreated, Reason
from sagamore.actors.orders.payment_messages import ClosePayment, StartPayment
from sagamore.actors.orders.stock_messages import ProductQuantity, ReleaseStock, ReserveStock
from sagamore.engine.message import Message
from tests.orders.kit import AMOUNT, MUG, ORDER, PLATE, Run

ALL_LINES = (ProductQuantity(MUG, 2), ProductQuantity(PLATE, 3))
"""Two lines of plates are one."""
CREATED = OrderCreated(ORDER, "ann", AMOUNT, "GBP")
CONFIRMED = OrderConfirmed(ORDER, "ann", AMOUNT, "GBP")


def start(attempt: int = 1, method: str = "pm_card", capture: Any = "on_confirm") -> StartPayment:
    return StartPayment(ORDER, attempt, AMOUNT, "GBP", method, capture)


def reserve(expires_at_ms: int = 0) -> ReserveStock:
    return ReserveStock(ORDER, 0, ALL_LINES, expires_at_ms)


def undo(reason: Reason) -> list[Message]:
    """CANCEL(reason), with one inventory partition."""
    return [ClosePayment(ORDER), ReleaseStock(ORDER, 0, ALL_LINES), OrderCancelled(ORDER, "ann", reason)]


class Case(NamedTuple):
    """`timers` are those set (when they are due) or stopped (0); `raised` and `cleared` are alerts."""

    row: str
    given: Callable[[], Run]
    when: Callable[[Run], Any]
    sends: Sequence[Message]
    state: str
    timers: Sequence[int] = ()
    raised: Sequence[str] = ()
    cleared: Sequence[str] = ()
    note: str = ""


def params(cases: Sequence[Case]) -> list[Any]:
    """Each named by its row."""
    return [pytest.param(case, id=f"{case.row}{' ' + case.note if case.note else ''}") for case in cases]


def check(case: Case) -> Run:
    """Take the turn and compare everything that must come of it."""
    run = case.given()
    before = run.state
    case.when(run)

    assert run.last.sent() == list(case.sends)
    assert run.order.state == case.state
    assert run.timers == list(case.timers)
    assert run.raised == list(case.raised)
    assert run.cleared == list(case.cleared)
    state_before = before.state if before else "NEW"
    if state_before != case.state:
        why = f"{case.row} {run.order.reason}" if case.state == "CANCELLING" else case.row
        assert run.entered == [Entered(state_before, case.state, why)]
    if run.order is not before:
        assert run.order.version == (before.version if before else 0) + 1
        assert run.order.updated_at_ms == run.now_ms
    return run
