"""The orders actor: one order an entity. It decides; payments and inventory obey and report (SAGAS.md 1.1 and 1.2).

A turn is four steps: what does the message mean (an event of the order's table), which row takes it, what the row does,
and what follows every row: status and settlement, alerts, a line in the history that names the row, the answer.

Answers: every command is answered with the Order, Refund with the `Refund` record, whose status then follows in
`order.refunds`. Under an idempotency key an `OrderRef` is kept in place of the order: read the order, it may have moved
on. News older than what is known, and a deadline that was stopped, change nothing.
"""

from msgspec.structs import replace

from sagamore.actors.money import Money
from sagamore.actors.orders import alerts
from sagamore.actors.orders.actions import ACTIONS, Action
from sagamore.actors.orders.errors import IllegalTransition, PayByPassed, UnknownOrder
from sagamore.actors.orders.facts import Entered
from sagamore.actors.orders.guards import GUARDS, Guard
from sagamore.actors.orders.order import Order, OrderRef, OrderState, Refund, Settlement, Status, fold_report
from sagamore.actors.orders.order_messages import (
    CancelOrder,
    DeadlinePassed,
    DeliverOrder,
    PayOrder,
    PlaceOrder,
    RefundOrder,
    ReturnOrder,
    ShipOrder,
    UndoAbandoned,
)
from sagamore.actors.orders.payment import REFUNDS_MAX
from sagamore.actors.orders.payment_messages import PaymentReport, RefundReport
from sagamore.actors.orders.settings import OrderSettings
from sagamore.actors.orders.soundness import check_tables, parts
from sagamore.actors.orders.stock_messages import StockRefused, StockReleased, StockReserved
from sagamore.actors.orders.tables import SAGAS, Saga
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.actor import Actor
from sagamore.engine.message import Message
from sagamore.engine.turn import Turn

ClientMessage = PlaceOrder | PayOrder | CancelOrder | RefundOrder | ShipOrder | DeliverOrder | ReturnOrder
OrderMessage = (
    ClientMessage | DeadlinePassed | PaymentReport | RefundReport | StockReserved | StockRefused | StockReleased
    | UndoAbandoned
)  # fmt: skip
ACTION_OF: dict[type[Message], str] = {
    PlaceOrder: "Place", PayOrder: "Pay", CancelOrder: "Cancel", RefundOrder: "Refund", ShipOrder: "Ship",
    DeliverOrder: "Deliver", ReturnOrder: "Return",
}  # fmt: skip
"""What clients do, as the tables and IllegalTransition call it."""
EVENT_OF: dict[type[Message], str] = ACTION_OF | {DeadlinePassed: "deadline"}
STATUS_OF: dict[OrderState, Status] = {"CONFIRMED": "CONFIRMED", "CANCELLING": "CANCELLED", "CANCELLED": "CANCELLED"}

Step = tuple[str, tuple[Guard, ...], tuple[Action, ...], OrderState | None]
"""A row with its words looked up: number, guards, actions, next state."""
Steps = dict[tuple[str, str], tuple[Step, ...]]
"""By state and event."""


class OrdersActor(
    Actor[Order | None, OrderMessage],
    kind="orders",
    indexed=("user_id", "status", "reference"),
    mints="ord",
    way=("payments", "inventory"),
    replies=(OrderRef, Refund),
):
    """Owns orders. Raises UnsoundSaga when a table is not sound."""

    reads_back = False

    def __init__(self, settings: OrderSettings | None = None) -> None:
        check_tables(SAGAS)
        self.settings = settings or OrderSettings()
        self._saga = next(saga for saga in reversed(SAGAS) if saga.name == self.settings.saga)
        self._steps = {(saga.name, saga.version): _steps_of(saga) for saga in SAGAS}

    def entity(self, message: OrderMessage) -> str:
        """The order's id."""
        return message.order_id

    def handle(self, order: Order | None, message: OrderMessage, turn: Turn) -> Order | None:
        """One row. Raises IllegalTransition, UnknownOrder or PayByPassed to a client, Unlisted to an actor."""
        if order is None or isinstance(message, PlaceOrder):
            order = self._new(order, message, turn)
        if _is_old(order, message):
            return order
        before = order
        if isinstance(message, PaymentReport):
            order = _hear(order, message)
            if replace(order.snapshot, revision=before.snapshot.revision) == before.snapshot:
                return _counted(order, turn)
        number, after = self._take(order, message, turn)
        if after is before and after.state != "NEW":
            _answer(after, message, turn)
            return after
        after = _counted(after, turn)
        alerts.tell(before, after, turn)
        _tell_story(before, after, number, turn)
        _answer(after, message, turn)
        return after

    def given_up(self, order: Order | None, message: OrderMessage, turn: Turn) -> Order | None:
        """What an order waited for was discarded: it stands still, with an alert, until a person cancels it; once more,
        if it was being cancelled. What became of a refund is a fact, discarded or not, and is taken as it is."""
        if order is not None and isinstance(message, RefundReport):
            known = any(refund.id == message.refund_id for refund in order.refunds)
            return self.handle(order, message, turn) if known else order
        if order is None or order.state in ("CONFIRMED", "CANCELLED") or isinstance(message, ClientMessage):
            return order
        if _is_old(order, message):
            return order
        after = _counted(replace(order, news_discarded=True), turn)
        alerts.tell(order, after, turn)
        return after

    def measure(self, before: Order | None, after: Order | None) -> tuple[str, ...]:
        """Counts orders placed, confirmed, and cancelled by reason."""
        counted: tuple[str, ...] = () if before is not None else ("placed",)
        if after is not None and after.status != "PENDING" and (before is None or before.status == "PENDING"):
            counted += ("confirmed",) if after.status == "CONFIRMED" else (f"cancelled.{after.reason}",)
        return counted

    def _new(self, order: Order | None, message: OrderMessage, turn: Turn) -> Order:
        if order is not None:
            raise IllegalTransition(order.state, "Place", self._allowed(order, turn))
        if isinstance(message, PlaceOrder):
            return _drafted(message, self._saga, self.settings, turn)
        if isinstance(message, ClientMessage):
            raise UnknownOrder(message.order_id)
        raise Unlisted("order", message.order_id, "ABSENT", _event_of(message))

    def _take(self, order: Order, message: OrderMessage, turn: Turn) -> tuple[str, Order]:
        """Find the row and do what it says; its number, and the order in the next state."""
        event = _event_of(message)
        steps = self._steps[order.saga, order.saga_version]
        for number, guards, actions, state in steps.get((order.state, event), ()):
            if _hold(guards, order, message, turn):
                for action in actions:
                    order = action(order, message, turn)
                return number, order if state is None or state == order.state else replace(order, state=state)
        if isinstance(message, ClientMessage):
            raise IllegalTransition(order.state, event, self._allowed(order, turn), _why_not(order, message))
        raise Unlisted("order", order.id, order.state, event)

    def _allowed(self, order: Order, turn: Turn) -> list[str]:
        steps = self._steps[order.saga, order.saga_version]
        return [
            action
            for action in ACTION_OF.values()
            if any(_hold(guards, order, None, turn) for _, guards, _, _ in steps.get((order.state, action), ()))
        ]


def _steps_of(saga: Saga) -> Steps:
    steps: Steps = {}
    for row in saga.rows:
        guards = tuple(GUARDS[name] for name in parts(row.guards, "; "))
        actions = tuple(ACTIONS[name] for name in parts(row.actions, "; "))
        for state in parts(row.states, ", "):
            for event in parts(row.events, ", "):
                steps[state, event] = (*steps.get((state, event), ()), (row.number, guards, actions, row.next))
    return steps


def _hold(guards: tuple[Guard, ...], order: Order, message: OrderMessage | None, turn: Turn) -> bool:
    for guard in guards:  # noqa: SIM110 - a generator for all() costs as much as the guards
        if not guard(order, message, turn):
            return False
    return True


def _event_of(message: OrderMessage) -> str:
    if isinstance(message, PaymentReport):
        return f"report {'parked' if message.parked else 'unknown' if message.unknown else message.state}"
    return EVENT_OF.get(type(message)) or type(message).__name__


def _drafted(message: PlaceOrder, saga: Saga, settings: OrderSettings, turn: Turn) -> Order:
    """The order as a table finds it: in state NEW, never stored."""
    if message.pay_by_ms and message.pay_by_ms <= turn.now_ms:
        raise PayByPassed(message.pay_by_ms, turn.now_ms)
    patience_ms: int = getattr(settings, saga.patience)
    return Order(
        message.order_id, message.user_id, message.reference, "PENDING", "NEW", message.lines, message.amount,
        message.currency, saga.name, saga.version, settings.capture, message.placed_at_ms or turn.now_ms, turn.now_ms,
        turn.now_ms, charges=message.charges, metadata=message.metadata, payment_method=message.payment_method,
        pay_by_ms=message.pay_by_ms, deadline_ms=message.pay_by_ms or turn.now_ms + patience_ms,
    )  # fmt: skip


def _why_not(order: Order, message: ClientMessage) -> str:
    if isinstance(message, RefundOrder | ReturnOrder) and order.state == "CONFIRMED":
        if len(order.refunds) >= REFUNDS_MAX:
            return f"{REFUNDS_MAX} refunds were asked for, and more cannot be"
        left = Money.of_minor(order.refundable, order.currency)
        return f"{left} of it can still be refunded, {sum(order.out.values())} pieces can still be returned"
    return order.fulfilment if order.shipped_at_ms else ""


def _is_old(order: Order, message: OrderMessage) -> bool:
    """Newer news is known, or the deadline was stopped."""
    if isinstance(message, PaymentReport):
        return message.revision <= order.snapshot.revision
    return isinstance(message, DeadlinePassed) and not order.deadline_ms


def _hear(order: Order, report: PaymentReport) -> Order:
    if report.attempt != order.attempt and order.status != "CANCELLED":
        raise Unlisted("order", order.id, order.state, f"report of attempt {report.attempt} of {order.attempt}")
    return fold_report(order, report)


def _counted(order: Order, turn: Turn) -> Order:
    """The order as it is stored: with what follows from its state."""
    settlement: Settlement = ""
    if order.state == "CANCELLED":
        settlement = "SETTLED"
    elif order.state == "CANCELLING":
        heard = order.snapshot
        settlement = "STUCK" if heard.state == "STUCK" or heard.parked or order.news_discarded else "DUE"
    return replace(
        order, status=STATUS_OF.get(order.state, "PENDING"), settlement=settlement, version=order.version + 1,
        updated_at_ms=turn.now_ms,
    )  # fmt: skip


def _tell_story(before: Order, after: Order, number: str, turn: Turn) -> None:
    if before.state != after.state:
        why = f"{number} {after.reason}" if after.state == "CANCELLING" else number
        turn.note(Entered(before.state, after.state, why))
    elif after.shipped_at_ms and before.fulfilment != after.fulfilment:
        turn.note(Entered(before.fulfilment, after.fulfilment, number))


def _answer(order: Order, message: OrderMessage, turn: Turn) -> None:
    if isinstance(message, RefundOrder):
        turn.reply(order.refunds[-1])
    elif type(message) in ACTION_OF:
        turn.reply(order, kept=OrderRef(order.id))
