"""One order with all that belongs to it, as the laws look at it: its payment, its holds, what the ledgers add up to,
and who owns it. `judge` is the laws; it reads nothing, so that a case seen in passing and one seen closely are judged
alike.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from sagamore.actors.orders.hold import Hold
from sagamore.actors.orders.order import Order
from sagamore.actors.orders.payment import Payment
from sagamore.actors.orders.plan import summed
from sagamore.audit.facts import Money, Moves

DEADLINE = "timer deadline"
LawName = Literal["holds", "money", "bounds", "confirmed", "cancelled", "owned", "effects", "orphans"]


class Case(msgspec.Struct):
    """`owners` are like `timer deadline`, `effect eff_…`, `message`, `retry`, `dead letter`, `alert order_stuck`."""

    id: str
    order: Order | None = None
    payment: Payment | None = None
    holds: dict[str, Hold] = {}
    """By partition."""
    moves: dict[str, Moves] = {}
    """By partition."""
    money: Money = msgspec.field(default_factory=Money)
    owners: set[str] = set()

    @property
    def at_rest(self) -> bool:
        """Whether nobody need own the order."""
        return self.order is not None and self.order.state in ("CONFIRMED", "CANCELLED")

    @property
    def movers(self) -> set[str]:
        """The owners that will move the order on: a deadline moves one that waits for the customer, no other."""
        order = self.order
        waits = order is not None and (order.state == "AWAITING_PAYMENT" or order.payment == "ACTION_REQUIRED")
        return self.owners if waits else self.owners - {DEADLINE}

    @property
    def held(self) -> dict[str, int]:
        """What its live holds hold, by product."""
        return summed(line for hold in self.holds.values() if hold.state == "HELD" for line in hold.lines)


class Breach(NamedTuple):
    """What is wrong."""

    law: LawName
    text: str


def judge(case: Case) -> Iterator[Breach]:
    """Every breach of a law by this order."""
    yield from _holds(case)
    yield from _money(case)
    if case.order is None:
        if case.payment is not None or case.holds:
            yield Breach("orphans", "it has a payment or a hold, and is not there itself")
        return
    if case.order.state == "CONFIRMED":
        yield from _confirmed(case, case.order)
    elif case.order.state == "CANCELLED":
        yield from _cancelled(case, case.order)
    else:
        yield from _owned(case, case.order)
    if case.payment is not None:
        yield from _effects(case, case.payment)


def _holds(case: Case) -> Iterator[Breach]:
    for partition in case.holds.keys() | case.moves.keys():
        hold, moves = case.holds.get(partition), case.moves.get(partition, Moves())
        held = summed(hold.lines) if hold is not None and hold.state == "HELD" else {}
        if held != moves.reserved:
            yield Breach("holds", f"{partition} holds {_goods(held)}, its ledger reserves {_goods(moves.reserved)}")
        shipped = {} if hold is None else summed(hold.shipped)
        if shipped != moves.shipped:
            yield Breach("holds", f"{partition} shipped {_goods(shipped)}, its ledger {_goods(moves.shipped)}")


def _money(case: Case) -> Iterator[Breach]:
    payment, money = case.payment, case.money
    captured, refunded = (payment.captured, payment.refunded) if payment is not None else (0, 0)
    if money.broken:
        yield Breach("money", money.broken)
    elif (captured, refunded) != (money.captured, money.refunded):
        yield Breach(
            "money",
            f"its payment has {captured} captured, {refunded} refunded; its ledger {money.captured}, {money.refunded}",
        )
    if payment is None:
        return
    # Money that turns up after the payment was given up comes on top, and is given back (SAGAS Y22).
    if not 0 <= refunded <= captured or (captured > payment.amount and not payment.closing):
        yield Breach("bounds", f"{refunded} refunded, {captured} captured, of {payment.amount}")


def _confirmed(case: Case, order: Order) -> Iterator[Breach]:
    captured = None if case.payment is None else case.payment.captured
    if captured != order.amount:
        yield Breach("confirmed", f"it is CONFIRMED; {captured or 'nothing'} of {order.amount} is captured")
    states = ("HELD", "SHIPPED") if order.shipped_at_ms else ("HELD",)  # ShipStock may be on its way
    lines = summed(line for hold in case.holds.values() if hold.state in states for line in hold.lines)
    if lines != order.ordered:
        yield Breach("confirmed", f"it is CONFIRMED with {_goods(order.ordered)}; held or shipped: {_goods(lines)}")


def _cancelled(case: Case, order: Order) -> Iterator[Breach]:
    payment = case.payment
    if payment is None:
        yield Breach("cancelled", "it is settled without a closed payment")
    elif payment.revision == order.snapshot.revision and (payment.net or payment.state != "CLOSED"):
        yield Breach("cancelled", f"it is settled; its payment is {payment.state} with net {payment.net}")
    for partition, hold in case.holds.items():
        if hold.state in ("HELD", "SHIPPED"):
            yield Breach("cancelled", f"it is settled; {partition} has {_goods(summed(hold.lines))} {hold.state}")


def _effects(case: Case, payment: Payment) -> Iterator[Breach]:
    effect = payment.effect
    if effect is not None:
        if not case.owners & {f"effect {effect.id}", "retry", "dead letter"}:
            yield Breach("effects", f"its payment waits for {effect.operation} {effect.id}, which is not there")
        return
    owes = payment.closing or any(refund.status == "WAITING" for refund in payment.refunds)
    ended = payment.state in ("STUCK", "CLOSED") or payment.parked is not None
    if owes and not ended and not payment.waits:
        yield Breach("effects", f"its payment is {payment.state} and owes money, and nothing is under way")


def _owned(case: Case, order: Order) -> Iterator[Breach]:
    if not case.movers:
        yield Breach("owned", f"it is {order.state}, and nothing will move it on")
    elif order.deadline_ms and not case.owners & {DEADLINE, "retry", "dead letter"}:
        yield Breach("owned", f"it is {order.state}, and the timer of its deadline is gone")


def _goods(quantities: dict[str, int]) -> str:
    return ", ".join(f"{quantity} {product}" for product, quantity in sorted(quantities.items())) or "nothing"
