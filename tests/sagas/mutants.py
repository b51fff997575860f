"""Faults planted in the real handlers, one a rule of the sagas: the exploration must find each.

Planting replaces a name where the handlers look it up; everything is put back afterwards. A mutant names the setup and
the number of disturbances that suffice to find it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from msgspec.structs import replace

from sagamore.actors.orders import actions, guards, inventory, orders, payment_rows, payment_steps, payment_table
from sagamore.actors.orders import payments as payments_module
from sagamore.actors.orders.order_messages import DeadlinePassed
from sagamore.actors.orders.payment_messages import ClosePayment
from sagamore.actors.orders.plan import plan_of
from sagamore.actors.orders.stock_messages import ReleaseStock
from tests.sagas.world import Setup

Planted = Iterator[Any]


class Mutant(NamedTuple):
    """`plant` gives the patches."""

    name: str
    setup: Setup
    disturbances: int
    plant: Callable[[], Planted]


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """The handlers with this fault in them."""
    with ExitStack() as stack:
        for change in mutant.plant():
            stack.enter_context(change)
        yield


def _row(state: str, event: str, action: Callable[..., Any]) -> Any:
    """One row of the payment table does something else."""
    row = payment_table.Row("mutant", (state,), event, action)
    return patch.dict(payment_table._ROWS, {(state, event): (row,)})


def _same(payment: Any, _: Any, __: Any) -> Any:
    return payment


def _release_without_tombstone() -> Planted:
    real = inventory._release

    def release(hold: Any, message: Any, turn: Any) -> Any:
        released = real(hold, message, turn)
        return released if hold is not None else None

    yield patch.object(inventory, "_release", release)


def _reserve_after_release() -> Planted:
    real = inventory._reserve

    def reserve(hold: Any, message: Any, turn: Any) -> Any:
        return real(None if hold is not None and hold.state == "RELEASED" else hold, message, turn)

    yield patch.object(inventory, "_reserve", reserve)


def _close_without_tombstone() -> Planted:
    yield _row("CLOSED", "start", payment_rows.y1_start)


def _release_of_what_was_asked_only() -> Planted:
    def cancel(order: Any, reason: Any, turn: Any) -> Any:
        turn.send("payments", ClosePayment(order.id))
        partition, lines = min(plan_of(order, turn).items())
        turn.send("inventory", ReleaseStock(order.id, partition, lines), partition=partition)
        return replace(order, reason=reason, payment_method="", deadline_ms=0)

    yield patch.object(actions, "_cancel", cancel)


def _unknown_is_refused() -> Planted:
    def refused(payment: Any, _: Any, __: Any) -> Any:
        return replace(payment, state="REFUSED", effect=None, refusal="timeout")

    yield _row("CHARGING", "unknown", refused)


def _new_refund_key_after_unknown() -> Planted:
    def again(payment: Any, news: Any, turn: Any) -> Any:
        turn.settle(payment.effect.id)
        refund = payment.refund(payment.effect.refund_id)
        payment = replace(payment.without_refund(refund.id), effect=None)
        renewed = replace(refund, id=turn.new_id("ref"))
        return payment_steps.begin_refund(replace(payment, refunds=(*payment.refunds, renewed)), renewed, turn)

    yield _row("REFUNDING", "unknown", again)


def _report_revision_ignored() -> Planted:
    def is_old(order: Any, message: Any) -> bool:
        return isinstance(message, DeadlinePassed) and not order.deadline_ms

    yield patch.object(orders, "_is_old", is_old)


def _capture_after_closing() -> Planted:
    yield _row("VOIDING", "capture", payment_rows.y7_capture)


def _refund_ceiling_dropped() -> Planted:
    yield patch.dict(guards.GUARDS, {"at most what is left": lambda *_: True})
    (known, fits, *rest) = payment_table._ROWS["CAPTURED", "refund"]
    fits = replace(fits, guard=lambda payment, news: not payment.closing)
    yield patch.dict(payment_table._ROWS, {("CAPTURED", "refund"): (known, fits, *rest)})


def _authorisation_forgotten() -> Planted:
    real = payment_steps.advance

    def advance(payment: Any, turn: Any) -> Any:
        forgets = payment.closing and payment.state == "AUTHORISED" and payment.effect is None
        return real(replace(payment, state="REFUSED", authorisation_open=False) if forgets else payment, turn)

    yield patch.object(payments_module, "advance", advance)


def _late_money_overlooked() -> Planted:
    yield _row("CLOSED", "captured", _same)


def _late_refund_failure_overlooked() -> Planted:
    yield _row("CLOSED", "refund_failed", _same)


def _settled_before_closed() -> Planted:
    def undone(order: Any, message: Any, turn: Any) -> bool:
        released = {*order.released, *([message.partition] if hasattr(message, "partition") else [])}
        return released.issuperset(plan_of(order, turn))

    changed = {"all undone": undone, "more to undo": guards._not(undone)}
    yield patch.dict(guards.GUARDS, changed)


def _retried_refund_under_a_new_id() -> Planted:
    def exhausted(payment: Any, news: Any, turn: Any) -> Any:
        refund = payment.effect.refund_id
        return payment_steps.stick(replace(payment, effect=None).without_refund(refund), turn, "gave up")

    yield _row("REFUNDING", "parked", exhausted)


def _replayed_and_still_parked() -> Planted:
    yield _row("CHARGING", "retried", lambda payment, *_: replace(payment, effect=None, parked=payment.effect))


def _deadline_passed_is_forgotten() -> Planted:
    yield patch.dict(actions.ACTIONS, {"remember that it passed": lambda order, *_: replace(order, deadline_ms=0)})


NOW = Setup("pay_first", "at_once", False, 1)
HOLDING = Setup("pay_first", "on_confirm", False, 1)
TWO = Setup("pay_first", "at_once", False, 2)
STOCK_FIRST = Setup("reserve_first", "at_once", False, 1)
PAY_LATER = Setup("reserve_first", "at_once", True, 1)
MUTANTS = (
    Mutant("a release leaves no tombstone", STOCK_FIRST, 1, _release_without_tombstone),
    Mutant("a released hold is reserved again", STOCK_FIRST, 1, _reserve_after_release),
    Mutant("a closed payment is started", NOW, 1, _close_without_tombstone),
    Mutant("only the first partition is released", TWO, 1, _release_of_what_was_asked_only),
    Mutant("an unknown charge is taken as refused", PAY_LATER, 1, _unknown_is_refused),
    Mutant("an unknown refund is sent under a new key", NOW, 2, _new_refund_key_after_unknown),
    Mutant("older reports of a payment are heard", HOLDING, 1, _report_revision_ignored),
    Mutant("a closing payment is captured", HOLDING, 1, _capture_after_closing),
    Mutant("refunds have no ceiling", NOW, 2, _refund_ceiling_dropped),
    Mutant("closing forgets the authorisation", HOLDING, 1, _authorisation_forgotten),
    Mutant("money that turns up late is overlooked", NOW, 2, _late_money_overlooked),
    Mutant("a refund that fails late is overlooked", NOW, 2, _late_refund_failure_overlooked),
    Mutant("an order is settled before its payment is closed", NOW, 1, _settled_before_closed),
    Mutant("an exhausted refund is retried under a new id", NOW, 4, _retried_refund_under_a_new_id),
    Mutant("what is tried again can be resolved", NOW, 4, _replayed_and_still_parked),
    Mutant("a deadline that passed is forgotten", PAY_LATER, 1, _deadline_passed_is_forgotten),
)
