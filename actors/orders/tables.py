"""The order's saga, declared: SAGAS.md 1.2 as data. The actor runs these rows and nothing else.

A row is: number, states, events, guards, actions, next state, and whether it is the pivot (from there on the order is
not given up). Events of clients are imperative, `report X` is news of the payment, the rest are messages by name. For
everything that actors and timers can send, the guards of a state's rows are such that exactly one row applies;
`soundness.py` proves it when the program starts. For a client's command no row is a refusal.

What the words mean: guards in `guards.py`, actions in `actions.py`. `status`, `settlement` and most alerts follow from
the state (`order.py`, `alerts.py`), so no row names them. CANCEL(reason) = ClosePayment; ReleaseStock to every
partition that owns a line, asked before or not; stop the deadline; publish OrderCancelled.

Beyond SAGAS.md: B7b (B9 for a deadline that passed before the bank asked for something; the model agrees), F1 to F3
(its paragraph on fulfilment) and the X rows: news that changes nothing but what is known, which rule 3 calls history,
and X7, the way out for an order that is STUCK because a person discarded what it waited for.
"""

import msgspec

from sagamore.actors.orders.order import OrderState
from sagamore.actors.orders.settings import SagaName

SAME: OrderState | None = None
PENDING = "AWAITING_PAYMENT, PAYING, RESERVING, CAPTURING"
REPORTS_BUT_CLOSED = (
    "report AUTHORISED, report CAPTURED, report REFUSED, report ACTION_REQUIRED, report CHARGING, report CAPTURING, "
    "report VOIDING, report REFUNDING, report unknown, report parked, report STUCK"
)
REPORTS_OF_AN_UNDO = REPORTS_BUT_CLOSED.removesuffix(", report parked, report STUCK")


class Row(msgspec.Struct, frozen=True):
    """One row; several states or events are separated by `, `, several guards or actions by `; `. Guards are asked in
    turn, so the dear one, `last`, which looks at every line, comes last."""

    number: str
    states: str
    events: str
    guards: str
    actions: str
    next: OrderState | None
    pivot: bool = False


class Saga(msgspec.Struct, frozen=True):
    """A table under its name and version; an order records both at birth and keeps them. `patience` names the setting
    that is its deadline where no `pay_by` is given."""

    name: SagaName
    version: int
    patience: str
    rows: tuple[Row, ...]


# fmt: off
_BOTH = (
    Row("B1",  "RESERVING", "StockReserved", "more partitions", "ReserveStock", "RESERVING"),
    Row("B2",  "CAPTURING", "report CAPTURED", "", "publish OrderConfirmed", "CONFIRMED"),
    Row("B3",  "AWAITING_PAYMENT", "Pay", "before the deadline", "StartPayment", "PAYING"),
    Row("B4",  "AWAITING_PAYMENT", "deadline", "", "CANCEL(EXPIRED)", "CANCELLING"),
    Row("B5",  "PAYING", "report REFUSED", "may pay again", "publish PaymentFailed", "AWAITING_PAYMENT"),
    Row("B6",  "PAYING", "report REFUSED", "may not pay again", "publish PaymentFailed; CANCEL(PAYMENT_REFUSED)",
        "CANCELLING"),
    Row("B7",  "PAYING", "report ACTION_REQUIRED", "before the deadline", "publish PaymentActionRequired", "PAYING"),
    Row("B7b", "PAYING", "report ACTION_REQUIRED", "deadline passed", "CANCEL(EXPIRED)", "CANCELLING"),
    Row("B8",  "PAYING, CAPTURING", "report unknown, report parked", "", "", SAME),
    Row("B9",  "PAYING", "deadline", "payment ACTION_REQUIRED", "CANCEL(EXPIRED)", "CANCELLING"),
    Row("B10", "PAYING", "deadline", "payment not ACTION_REQUIRED", "remember that it passed", "PAYING"),
    Row("B10", "RESERVING", "deadline", "", "remember that it passed", "RESERVING"),
    Row("B11", "RESERVING", "StockRefused", "", "CANCEL(OUT_OF_STOCK)", "CANCELLING"),
    Row("B12", "RESERVING, CAPTURING", "report REFUSED", "not lapsed", "CANCEL(PAYMENT_REFUSED)", "CANCELLING"),
    Row("B12", "RESERVING, CAPTURING", "report REFUSED", "lapsed", "CANCEL(AUTHORISATION_LAPSED)", "CANCELLING"),
    Row("B13", PENDING, "Cancel", "", "CANCEL(REQUESTED or OPERATOR)", "CANCELLING"),
    Row("B13", "CONFIRMED", "Cancel", "nothing shipped", "CANCEL(REQUESTED or OPERATOR)", "CANCELLING"),
    Row("B14", "CONFIRMED", "Refund", "at most what is left", "RefundPayment", "CONFIRMED"),
    Row("B15", "CONFIRMED", "RefundReport", "", "publish RefundIssued; note the refund; alert if refused",
        "CONFIRMED"),
    Row("B16", "CANCELLING", "report CLOSED", "more to undo", "", "CANCELLING"),
    Row("B16", "CANCELLING", "report CLOSED", "all undone", "settled", "CANCELLED"),
    Row("B16", "CANCELLING", "StockReleased", "more to undo", "tick the partition", "CANCELLING"),
    Row("B16", "CANCELLING", "StockReleased", "all undone", "tick the partition; settled", "CANCELLED"),
    Row("B17", "CANCELLING", "report STUCK, report parked", "", "", "CANCELLING"),
    Row("B18", "CANCELLING, CANCELLED", "StockReserved, StockRefused", "", "", SAME),
    Row("B18", "CANCELLING", "Cancel", "no news discarded", "", SAME),
    Row("B18", "CANCELLED", "Cancel", "", "", SAME),
    Row("B18", "CANCELLING, CANCELLED", "RefundReport", "", "note the refund", SAME),
    Row("B19", "CANCELLED", REPORTS_BUT_CLOSED, "", "reopen", "CANCELLING"),
    Row("F1",  "CONFIRMED", "Ship", "nothing shipped", "ShipStock; publish OrderShipped", "CONFIRMED"),
    Row("F2",  "CONFIRMED", "Deliver", "on the way", "delivered", "CONFIRMED"),
    Row("F3",  "CONFIRMED", "Return", "at most what is out; refunds at most what is left",
        "ReturnStock; RefundPayment", "CONFIRMED"),
    Row("X1",  "PAYING", "report CHARGING", "", "", "PAYING"),
    Row("X1",  "CAPTURING", "report CAPTURING", "", "", "CAPTURING"),
    Row("X2",  "CAPTURING", "report AUTHORISED", "", "CapturePayment", "CAPTURING"),
    Row("X3",  "CONFIRMED", "report CAPTURED, report unknown, report parked", "", "", "CONFIRMED"),
    Row("X4",  "CANCELLING", REPORTS_OF_AN_UNDO, "", "", "CANCELLING"),
    Row("X5",  "CANCELLED", "report CLOSED, StockReleased, UndoAbandoned", "", "", "CANCELLED"),
    Row("X6",  "CANCELLING", "UndoAbandoned", "", "note that news was discarded", "CANCELLING"),
    Row("X7",  "CANCELLING", "Cancel", "news discarded", "undo again", "CANCELLING"),
)

PAY_FIRST = Saga("pay_first", 1, "action_timeout_ms", (
    Row("P1", "NEW", "Place", "method given", "publish OrderCreated; StartPayment; deadline", "PAYING"),
    Row("P2", "NEW", "Place", "pay later", "publish OrderCreated; deadline", "AWAITING_PAYMENT"),
    Row("P3", "PAYING", "report AUTHORISED, report CAPTURED", "", "stop deadline; ReserveStock", "RESERVING"),
    Row("P4", "RESERVING", "StockReserved", "payment AUTHORISED; last", "CapturePayment", "CAPTURING", pivot=True),
    Row("P5", "RESERVING", "StockReserved", "payment CAPTURED; last", "publish OrderConfirmed", "CONFIRMED",
        pivot=True),
    *_BOTH,
))

RESERVE_FIRST = Saga("reserve_first", 1, "hold_time_ms", (
    Row("R1", "NEW", "Place", "", "publish OrderCreated; ReserveStock; deadline", "RESERVING"),
    Row("R2", "RESERVING", "StockReserved", "method given; last", "StartPayment", "PAYING"),
    Row("R3", "RESERVING", "StockReserved", "pay later; before the deadline; last", "", "AWAITING_PAYMENT"),
    Row("R3", "RESERVING", "StockReserved", "pay later; deadline passed; last", "CANCEL(EXPIRED)", "CANCELLING"),
    Row("R4", "PAYING", "report AUTHORISED", "", "stop deadline; CapturePayment", "CAPTURING", pivot=True),
    Row("R5", "PAYING", "report CAPTURED", "", "stop deadline; publish OrderConfirmed", "CONFIRMED", pivot=True),
    *_BOTH,
))
# fmt: on

SAGAS = (PAY_FIRST, RESERVE_FIRST)
