"""What orders, payments and inventory say to each other, and what clients say to them (SAGAS.md).

Commands are imperative, events past tense. Amounts are integer minor units of the order's currency; ids are text.
Payments and holds are keyed by the order id, so that a message about an order finds them without a look-up.
"""

from typing import Annotated, Literal

from msgspec import Meta

from sagamore.engine.message import Message, Record

SagaName = Literal["pay_first", "reserve_first"]
Capture = Literal["at_once", "on_confirm"]
Reason = Literal[
    "REQUESTED", "PAYMENT_REFUSED", "OUT_OF_STOCK", "EXPIRED", "AUTHORISATION_LAPSED", "OPERATOR"
]  # fmt: skip
Resolution = Literal["captured", "authorised", "refused", "voided", "refunded"]
PushedKind = Literal["captured", "authorised", "refused", "lapsed", "refund_succeeded", "refund_failed"]
PaymentState = Literal[
    "CHARGING", "ACTION_REQUIRED", "AUTHORISED", "CAPTURING", "CAPTURED", "VOIDING", "REFUNDING", "REFUSED", "STUCK",
    "CLOSED",
]  # fmt: skip

ProviderText = Annotated[str, Meta(max_length=255)]  # an id as a provider gives it; the payment keeps it


class OrderLine(Record, frozen=True):
    """`quantity` of one product at `unit_price`."""

    product_id: str
    quantity: int
    unit_price: int


class OrderCharge(Record, frozen=True):
    """Shipping, tax, discount or adjustment: signed, carried, never computed."""

    kind: str
    amount: int


class ProductQuantity(Record, frozen=True):
    """So many of a product."""

    product_id: str
    quantity: int


class Shortage(Record, frozen=True):
    """What was wanted of a product and what there was; `available` is -1 if the product is unknown."""

    product_id: str
    wanted: int
    available: int


# --- clients to orders ---


class PlaceOrder(Message, tag="orders.place", version=1):
    """Verified at the door: `amount` is the sum of lines and charges."""

    order_id: str
    user_id: str
    lines: tuple[OrderLine, ...]
    charges: tuple[OrderCharge, ...]
    amount: int
    currency: str
    payment_method: str = ""
    """Empty: pay later, which needs `pay_by_ms`."""
    reference: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    pay_by_ms: int = 0
    placed_at_ms: int = 0
    """When the order was placed where it comes from; 0: now."""


class PayOrder(Message, tag="orders.pay", version=1):
    """Pay, or pay again after a refusal."""

    order_id: str
    payment_method: str


class CancelOrder(Message, tag="orders.cancel", version=1):
    """Cancel and undo everything; `by` is the operator's name for OPERATOR."""

    order_id: str
    reason: Literal["REQUESTED", "OPERATOR"] = "REQUESTED"
    by: str = ""


class RefundOrder(Message, tag="orders.refund", version=1):
    """Give back part of what was paid; the goods stay."""

    order_id: str
    amount: int
    reason: str


class ShipOrder(Message, tag="orders.ship", version=1):
    """All that was ordered leaves."""

    order_id: str
    tracking: str = ""


class DeliverOrder(Message, tag="orders.deliver", version=1):
    """The goods arrived."""

    order_id: str


class ReturnOrder(Message, tag="orders.return", version=1):
    """Goods came back: `amount` is refunded (0: nothing), `restock` puts them on the shelf."""

    order_id: str
    lines: tuple[ProductQuantity, ...]
    amount: int
    restock: bool
    reason: str = ""


class DeadlinePassed(Message, tag="orders.deadline_passed", version=1):
    """The order's own timer: `pay_by`, `hold_time` or `action_timeout` is over."""

    order_id: str


# --- orders to payments ---


class StartPayment(Message, tag="payments.start", version=1):
    """Charge or authorise, attempt `attempt` (1, 2, 3 …)."""

    order_id: str
    attempt: int
    amount: int
    currency: str
    payment_method: str
    capture: Capture


class CapturePayment(Message, tag="payments.capture", version=1):
    """Take what is authorised: the pivot."""

    order_id: str


class RefundPayment(Message, tag="payments.refund", version=1):
    """Give `amount` back under `refund_id`."""

    order_id: str
    refund_id: str
    amount: int
    reason: str


class ClosePayment(Message, tag="payments.close", version=1):
    """Bring the net charge to zero and take nothing more; legal in every state, also before StartPayment."""

    order_id: str


# --- clients, timers and people to payments ---


class PollPayment(Message, tag="payments.poll", version=1):
    """The payment's own timer: ask the provider whether the customer has acted."""

    order_id: str
    polls: int


class AuthorisationDue(Message, tag="payments.authorisation_due", version=1):
    """The payment's own timer: the authorisation lapses within the hour."""

    order_id: str
    attempt: int


class RetryRefund(Message, tag="payments.retry_refund", version=1):
    """What the dead letter of a STUCK payment holds: replayed, the closing refund is tried again (Y19)."""

    order_id: str


class ResolvePayment(Message, tag="payments.resolve", version=1):
    """A person says what the provider's records show of a parked or STUCK effect (Y20)."""

    order_id: str
    outcome: Resolution
    amount: int
    """What was captured, authorised or refunded; 0 means all that the effect was for."""
    reference: str
    by: str


class PaymentEvent(Message, tag="payments.event", version=1):
    """News from the provider: pushed, or found by polling. Seen before or older than what is known: ignored (Y23)."""

    order_id: ProviderText
    event_id: ProviderText
    kind: PushedKind
    amount: Annotated[int, Meta(ge=0)]
    """0: the provider does not say."""
    refund_id: ProviderText = ""
    provider_id: ProviderText = ""
    attempt: int = 0
    """Whose attempt it is about; 0: the provider does not say, and its own id must tell."""


class HeardUpTo(Message, tag="payment_events.heard_up_to", version=1):
    """All events of the provider up to that place in its list have been taken."""

    place: ProviderText


# --- payments to orders ---


class NextAction(Record, frozen=True):
    """What the customer must do, as the provider says: a kind and a URL or token."""

    kind: str
    url: str


class PaymentReport(Message, tag="payments.report", version=1):
    """A snapshot of the payment; orders acts on the newest `revision` and ignores older ones."""

    order_id: str
    revision: int
    state: PaymentState
    attempt: int
    unknown: bool
    parked: bool
    captured: int
    refunded: int
    next_action: NextAction | None = None
    refusal: str = ""
    """Code and text of the refusal."""
    lapsed: bool = False
    """REFUSED because the authorisation lapsed."""


class RefundReport(Message, tag="payments.refund_report", version=1):
    """What became of one requested refund; `left` is what could still be refunded."""

    order_id: str
    refund_id: str
    amount: int
    status: Literal["PENDING", "SUCCEEDED", "REFUSED", "FAILED_LATER"]
    refunded: int
    left: int
    refusal: str = ""


# --- orders to inventory, and back ---


class ReserveStock(Message, tag="inventory.reserve", version=1):
    """Hold these for the order, all or none; `lines` has one entry a product, all of this partition."""

    order_id: str
    partition: int
    lines: tuple[ProductQuantity, ...]
    expires_at_ms: int
    """Information: a hold lives until orders releases or ships it."""


class ReleaseStock(Message, tag="inventory.release", version=1):
    """Hold nothing for this order, ever; legal also before ReserveStock. `lines` names the products to touch."""

    order_id: str
    partition: int
    lines: tuple[ProductQuantity, ...]


class ShipStock(Message, tag="inventory.ship", version=1):
    """What was held has left."""

    order_id: str
    partition: int
    lines: tuple[ProductQuantity, ...]


class ReturnStock(Message, tag="inventory.return", version=1):
    """What was shipped came back."""

    order_id: str
    return_id: str
    partition: int
    lines: tuple[ProductQuantity, ...]
    restock: bool


class StockReserved(Message, tag="inventory.reserved", version=1):
    """All lines of that partition are held."""

    order_id: str
    partition: int


class StockRefused(Message, tag="inventory.refused", version=1):
    """No line was touched: there is not enough of these."""

    order_id: str
    partition: int
    shortages: tuple[Shortage, ...]


class StockReleased(Message, tag="inventory.released", version=1):
    """That partition holds nothing for the order and never will."""

    order_id: str
    partition: int


class UndoAbandoned(Message, tag="orders.undo_abandoned", version=1):
    """A person discarded the dead letter of a compensation: the order stays STUCK, with an alert."""

    order_id: str
    what: str


# --- clients to inventory ---


class ReceiveStock(Message, tag="inventory.receive", version=1):
    """A delivery: on_hand rises. Makes the product known."""

    product_id: str
    quantity: int
    reason: str
    by: str = ""


class AdjustStock(Message, tag="inventory.adjust", version=1):
    """A correction, signed; refused with StockCommitted if on_hand would fall below reserved."""

    product_id: str
    quantity: int
    reason: str
    by: str = ""


class SetStock(Message, tag="inventory.set", version=1):
    """A count of the shelf; `expected` is the on_hand that it corrects, else StockChanged."""

    product_id: str
    on_hand: int
    expected: int
    reason: str
    by: str = ""


# --- published ---


class OrderCreated(Message, tag="orders.created", version=1):
    """An order was accepted."""

    order_id: str
    user_id: str
    amount: int
    currency: str


class OrderConfirmed(Message, tag="orders.confirmed", version=1):
    """Paid and reserved."""

    order_id: str
    user_id: str
    amount: int
    currency: str


class OrderCancelled(Message, tag="orders.cancelled", version=1):
    """The decision is irrevocable; `settlement` of the order says when all is undone."""

    order_id: str
    user_id: str
    reason: Reason


class OrderShipped(Message, tag="orders.shipped", version=1):
    """The goods left."""

    order_id: str
    user_id: str
    tracking: str


class PaymentFailed(Message, tag="orders.payment_failed", version=1):
    """A payment was refused."""

    order_id: str
    user_id: str
    attempt: int
    refusal: str


class PaymentActionRequired(Message, tag="orders.payment_action_required", version=1):
    """The customer must act before the payment can go on."""

    order_id: str
    user_id: str
    action: NextAction


class RefundIssued(Message, tag="orders.refund_issued", version=1):
    """A refund was accepted by the provider."""

    order_id: str
    user_id: str
    refund_id: str
    amount: int
    currency: str


# --- facts in histories ---


class StockMoved(Record, frozen=True, tag="stock.moved", version=1):
    """A row of the stock ledger, the only writer of quantities: signed changes and what they led to."""

    product_id: str
    kind: Literal["received", "adjusted", "set", "reserved", "released", "shipped", "returned"]
    on_hand_change: int
    reserved_change: int
    on_hand: int
    reserved: int
    reason: str = ""
    by: str = ""


class MoneyMoved(Record, frozen=True, tag="money.moved", version=1):
    """A row of the money ledger of one order: what the provider confirmed."""

    kind: Literal["captured", "refunded", "refund_failed"]
    amount: int
    captured: int
    refunded: int
    provider_id: str = ""


class Entered(Record, frozen=True, tag="state.entered", version=1):
    """A transition of the order or of its payment."""

    before: str
    after: str
    why: str = ""


HistoryFact = StockMoved | MoneyMoved | Entered
