"""An order, as the orders actor keeps it: the source of truth for its status.

    state               status      settlement                      who moves it on
    AWAITING_PAYMENT    PENDING                                     the customer, or its deadline
    PAYING, CAPTURING   PENDING                                     payments
    RESERVING           PENDING                                     inventory
    CONFIRMED           CONFIRMED                                   done; fulfilment goes on
    CANCELLING          CANCELLED   DUE; STUCK if the payment is    payments and inventory; STUCK: a person
                                    STUCK or parked
    CANCELLED           CANCELLED   SETTLED                         done

`status` and `settlement` follow from the state and are stored so that lists can ask for them; `payment` and
`fulfilment` are derived and never stored. Fields that hold their default are not written.
"""

from typing import Literal

from msgspec.structs import replace

from sagamore.actors.orders.order_messages import OrderCharge, OrderLine, Reason
from sagamore.actors.orders.payment_messages import Capture, NextAction, PaymentReport, PaymentState, RefundReport
from sagamore.actors.orders.settings import SagaName
from sagamore.actors.orders.stock_messages import ProductQuantity
from sagamore.engine.message import Record, State

OrderState = Literal[
    "NEW", "AWAITING_PAYMENT", "PAYING", "RESERVING", "CAPTURING", "CONFIRMED", "CANCELLING", "CANCELLED"
]  # fmt: skip
"""NEW is what a table begins with; no order is ever stored in it."""
Status = Literal["PENDING", "CONFIRMED", "CANCELLED"]
Settlement = Literal["", "DUE", "STUCK", "SETTLED"]
PaymentView = Literal[
    "NONE", "PROCESSING", "ACTION_REQUIRED", "UNKNOWN", "REFUSED", "AUTHORISED", "PAID", "PARTLY_REFUNDED", "REFUNDED",
    "VOIDED", "STUCK",
]  # fmt: skip
Fulfilment = Literal["UNFULFILLED", "SHIPPED", "DELIVERED", "RETURNED"]
RefundStatus = Literal["REQUESTED", "PENDING", "SUCCEEDED", "REFUSED", "FAILED_LATER"]
REFUND_ORDER = ("REQUESTED", "PENDING", "SUCCEEDED", "REFUSED", "FAILED_LATER")  # reports may overtake each other


class Refund(Record, frozen=True, tag="orders.refund_record", version=1):
    """A refund that was asked for. PENDING: the provider has accepted it, the bank takes its days."""

    id: str
    amount: int
    reason: str
    status: RefundStatus = "REQUESTED"
    refusal: str = ""

    @property
    def counts(self) -> bool:
        """Whether its amount is spoken for."""
        return self.status not in ("REFUSED", "FAILED_LATER")


class PaymentSnapshot(Record, frozen=True, omit_defaults=True):
    """The newest report of the payment."""

    revision: int = 0
    state: PaymentState | Literal[""] = ""
    attempt: int = 0
    unknown: bool = False
    parked: bool = False
    captured: int = 0
    refunded: int = 0
    next_action: NextAction | None = None
    refusal: str = ""
    lapsed: bool = False


NOTHING_HEARD = PaymentSnapshot()


class OrderRef(Record, frozen=True, tag="orders.ref", version=1):
    """What an idempotency key is answered with the second time: read the order, it may have moved on."""

    order_id: str


class Order(State, tag="orders.order", version=1, omit_defaults=True):
    """Amounts are integer minor units of `currency`; times Unix milliseconds, 0 for never."""

    id: str
    user_id: str
    reference: str
    status: Status
    state: OrderState
    lines: tuple[OrderLine, ...]
    amount: int
    currency: str
    saga: SagaName
    saga_version: int
    capture: Capture
    placed_at_ms: int
    created_at_ms: int
    updated_at_ms: int
    version: int = 0
    """Counts changes."""
    settlement: Settlement = ""
    reason: Reason | Literal[""] = ""
    """Why it was cancelled."""
    cancelled_by: str = ""
    """The operator's name."""
    charges: tuple[OrderCharge, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    attempt: int = 0
    """Payments begun."""
    snapshot: PaymentSnapshot = NOTHING_HEARD
    payment_method: str = ""
    """A provider's token; kept only until the first payment begins."""
    pay_by_ms: int = 0
    deadline_ms: int = 0
    """When the timer comes; 0 when none is set."""
    deadline_passed: bool = False
    released: tuple[int, ...] = ()
    """The inventory partitions that hold nothing any more."""
    news_discarded: bool = False
    """A person discarded something that this order waits for."""
    reopened: bool = False
    """It was settled, and then its payment changed."""
    refunds: tuple[Refund, ...] = ()
    shipped_at_ms: int = 0
    delivered_at_ms: int = 0
    tracking: str = ""
    returned: tuple[ProductQuantity, ...] = ()

    @property
    def payment(self) -> PaymentView:
        """How the payment stands, as far as orders has heard."""
        return _payment(self)

    @property
    def fulfilment(self) -> Fulfilment:
        """Where the goods are."""
        if not self.shipped_at_ms:
            return "UNFULFILLED"
        if self.returned and not self.out:
            return "RETURNED"
        return "DELIVERED" if self.delivered_at_ms else "SHIPPED"

    @property
    def next_action(self) -> NextAction | None:
        """What the customer must do before the payment can go on."""
        return self.snapshot.next_action if self.payment == "ACTION_REQUIRED" else None

    @property
    def refunded(self) -> int:
        """What the customer got or gets back: what the payment last said if that is over, else what was asked for."""
        if self.snapshot.state in ("CLOSED", "STUCK"):
            return self.snapshot.refunded
        return sum(refund.amount for refund in self.refunds if refund.status in ("PENDING", "SUCCEEDED"))

    @property
    def refundable(self) -> int:
        """What can still be refunded: refunds that are under way count as made, and cancelling gives back the rest."""
        if self.status == "CANCELLED":
            return 0
        return self.snapshot.captured - sum(refund.amount for refund in self.refunds if refund.counts)

    @property
    def ordered(self) -> dict[str, int]:
        """The quantity of each product; lines may name one twice."""
        quantities: dict[str, int] = {}
        for line in self.lines:
            quantities[line.product_id] = quantities.get(line.product_id, 0) + line.quantity
        return quantities

    @property
    def out(self) -> dict[str, int]:
        """The quantity of each product that was shipped and has not come back."""
        if not self.shipped_at_ms:
            return {}
        back = {line.product_id: line.quantity for line in self.returned}
        left = {product: quantity - back.get(product, 0) for product, quantity in self.ordered.items()}
        return {product: quantity for product, quantity in left.items() if quantity}


def _payment(order: Order) -> PaymentView:
    heard = order.snapshot
    match heard.state:
        case "CLOSED":
            if heard.captured:
                return "REFUNDED"
            return "NONE" if not order.attempt else "REFUSED" if order.reason == "PAYMENT_REFUSED" else "VOIDED"
        case "STUCK":
            return "STUCK"
        case "CAPTURED":  # also while what became of a refund is unknown: the charge is known
            refunded = order.refunded
            return "PAID" if not refunded else "PARTLY_REFUNDED" if refunded < heard.captured else "REFUNDED"
    if heard.unknown or heard.parked:
        return "UNKNOWN"
    if heard.attempt < order.attempt:
        return "PROCESSING"
    match heard.state:
        case "":
            return "NONE"
        case "ACTION_REQUIRED" | "AUTHORISED" | "REFUSED":
            return heard.state
    return "PROCESSING"


def fold_report(order: Order, report: PaymentReport) -> Order:
    """The order with a newer report of its payment."""
    return replace(
        order,
        snapshot=PaymentSnapshot(
            report.revision, report.state, report.attempt, report.unknown, report.parked, report.captured,
            report.refunded, report.next_action, report.refusal, report.lapsed,
        ),
    )  # fmt: skip


def fold_refund(order: Order, refund: Refund, report: RefundReport) -> Order:
    """The order with what became of one refund; a report that another has overtaken changes nothing."""
    if REFUND_ORDER.index(report.status) <= REFUND_ORDER.index(refund.status):
        return order
    told = replace(refund, status=report.status, refusal=report.refusal)
    return replace(order, refunds=tuple(told if r.id == refund.id else r for r in order.refunds))
