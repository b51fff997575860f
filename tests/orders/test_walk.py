"""Random walks: whatever comes in whatever order, the order's promises hold after every turn.

Not all walks can happen with the real payments and inventory; the rules below must hold for all of them nevertheless.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sagamore.actors.orders.errors import IllegalTransition, PayByPassed, UnknownOrder
from sagamore.actors.orders.order_messages import OrderCancelled, OrderConfirmed
from sagamore.actors.orders.payment_messages import CapturePayment, ClosePayment, StartPayment
from sagamore.actors.orders.stock_messages import ReleaseStock, ReserveStock, ShipStock
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.testing import TurnResult
from tests.orders.kit import AMOUNT, MUG, SOON_MS, Run

REPORTS = [
    "AUTHORISED", "CAPTURED", "REFUSED", "ACTION_REQUIRED", "CHARGING", "CAPTURING", "VOIDING", "REFUNDING", "STUCK",
    "CLOSED",
]  # fmt: skip
STEPS: list[Any] = [
    *[
        lambda r, s=s, u=u, p=p: r.report(s, unknown=u, parked=p)
        for s in REPORTS
        for u in (False, True)
        for p in (False, True)
    ],
    *[lambda r: r.stock_answers()] * 16,
    *[lambda r, n=n: r.released(n) for n in (0, 1)] * 8,
    *[lambda r: r.paid()] * 12,
    *[lambda r: r.cancel(), lambda r: r.pay(), lambda r: r.ship(), lambda r: r.deliver()] * 4,
    *[lambda r: r.refund(700), lambda r: r.send_back(MUG, 1, 300)] * 6,
    *[lambda r: r.refunded(r.order.refunds[-1].id, 1, "REFUSED") if r.order.refunds else None] * 4,
    *[lambda r: r.deadline(), lambda r: r.out_of_stock(), lambda r: r.undo_abandoned()],
]
PUBLIC = {"CONFIRMED": {("CONFIRMED", "")}, "CANCELLED": {("CANCELLED", "SETTLED")}}
PUBLIC["CANCELLING"] = {("CANCELLED", "DUE"), ("CANCELLED", "STUCK")}


class Walk(Run):
    """Inventory answers each ReserveStock once, as the engine promises."""

    def __init__(self, saga: Any, capture: Any) -> None:
        super().__init__(saga, capture, partitions=2)
        self.sent: list[Any] = []
        self.answers = self.abandoned = 0

    def undo_abandoned(self) -> TurnResult:
        self.abandoned += 1
        return super().undo_abandoned()

    def stock_answers(self) -> None:
        asked = [message.partition for message in self.sent if isinstance(message, ReserveStock)]
        if self.answers < len(asked):
            self.answers += 1
            self.reserved(asked[self.answers - 1])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["pay_first", "reserve_first"]),
    st.sampled_from(["on_confirm", "at_once"]),
    st.booleans(),
    st.lists(st.sampled_from(STEPS), max_size=25),
)
def test_an_orders_promises_hold_on_every_walk(saga: Any, capture: Any, later: bool, steps: list[Any]) -> None:
    run = Walk(saga, capture)
    run.place(method="" if later else "pm_card", pay_by_ms=SOON_MS if later else 0)
    run.sent += run.last.sent()
    for step in steps:
        before = run.order
        try:
            step(run)
        except (IllegalTransition, Unlisted, UnknownOrder, PayByPassed):
            assert run.order is before
            continue
        if run.order is before:
            continue
        run.sent += run.last.sent()
        _check(run)


def _check(run: Walk) -> None:
    order, sent = run.order, run.sent
    kinds = [type(message) for message in sent]
    assert (order.status, order.settlement) in PUBLIC.get(order.state, {("PENDING", "")})
    assert (order.status == "CANCELLED") == (kinds.count(OrderCancelled) == 1 and order.reason != "")
    cancelled, closes = kinds.count(OrderCancelled), kinds.count(ClosePayment)
    assert cancelled <= 1 and cancelled <= closes <= cancelled * (1 + run.abandoned)
    assert 2 * cancelled <= kinds.count(ReleaseStock) <= 2 * closes
    assert kinds.count(ShipStock) in (0, 2)
    assert not (ShipStock in kinds and ReleaseStock in kinds), "what is shipped is never released"
    assert [m.partition for m in sent if isinstance(m, ReserveStock)] in ([], [0], [0, 1])
    attempts = [m.attempt for m in sent if isinstance(m, StartPayment)]
    assert attempts == list(range(1, order.attempt + 1))
    if order.state == "CONFIRMED":
        assert kinds.count(OrderConfirmed) == 1
        assert kinds.count(ReserveStock) == 2
    if ClosePayment in kinds:
        undone_at = kinds.index(ClosePayment)
        assert not {StartPayment, CapturePayment, ReserveStock} & set(kinds[undone_at:]), (
            "nothing is taken after CANCEL"
        )
    assert sum(refund.amount for refund in order.refunds if refund.counts) <= AMOUNT
    owned = order.state not in ("AWAITING_PAYMENT",) or order.deadline_ms
    assert owned, "a customer who never comes back must not keep the order open for ever"
