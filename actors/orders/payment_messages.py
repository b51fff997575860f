"""What is said to payments, and what payments answers (SAGAS.md).

Commands are imperative, events past tense. Amounts are integer minor units of the order's currency; ids are text.
Payments are keyed by the order id, so that a message about an order finds its payment without a look-up.
"""

from typing import Annotated, Literal

from msgspec import Meta

from sagamore.engine.message import Message, Record

Capture = Literal["at_once", "on_confirm"]
Resolution = Literal["captured", "authorised", "refused", "voided", "refunded"]
PushedKind = Literal["captured", "authorised", "refused", "lapsed", "refund_succeeded", "refund_failed"]
PaymentState = Literal[
    "CHARGING", "ACTION_REQUIRED", "AUTHORISED", "CAPTURING", "CAPTURED", "VOIDING", "REFUNDING", "REFUSED", "STUCK",
    "CLOSED",
]  # fmt: skip

ProviderText = Annotated[str, Meta(max_length=255)]  # an id as a provider gives it; the payment keeps it


class NextAction(Record, frozen=True):
    """What the customer must do, as the provider says: a kind and a URL or token."""

    kind: str
    url: str


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


# --- timers and people to payments ---


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


# --- news from the provider ---


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
