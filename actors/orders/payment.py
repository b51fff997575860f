"""An order's payment, as the payments actor keeps it under the order's id.

    captured - refunded             what the shop has of the customer's money
    left = that - promised          what can still be refunded; promised = refunds that wait or are under way

At most one effect that moves money is under way (`effect`); one that was given up without a verdict (`parked`) bars the
way until a person, a later reading or an event says what became of it. `closing` is set once and never cleared.
"""

from typing import Literal

from msgspec.structs import replace

from sagamore.actors.money import Money
from sagamore.actors.orders.payment_messages import NextAction, PaymentState
from sagamore.actors.orders.payment_provider import Operation
from sagamore.engine.message import Record, State

Attention = Literal["UNKNOWN", "PARKED", "STUCK"]
REFUNDS_MAX = 1_000  # of one order and its payment; each is 100 bytes of a state that is written whole
EVENTS_REMEMBERED_MAX = 32  # a provider repeats an event within days, and a payment has a handful


class PaymentEffect(Record, frozen=True, omit_defaults=True):
    """An effect under way or parked, and what it is for."""

    id: str
    operation: Operation
    refund_id: str = ""


class Refund(Record, frozen=True, omit_defaults=True):
    """A refund that was not refused. `closing`: begun by ClosePayment, nobody asked for it by its id."""

    id: str
    amount: int
    status: Literal["WAITING", "SENT", "PENDING", "SUCCEEDED"] = "WAITING"
    reason: str = ""
    closing: bool = False


class Payment(State, tag="payments.payment", version=1, omit_defaults=True):
    """`state` is ABSENT only in the turn that makes the payment, never on disk."""

    id: str
    order_id: str
    state: PaymentState | Literal["ABSENT"]
    attempt: int = 0
    amount: int = 0
    currency: str = ""
    closing: bool = False
    captured: int = 0
    refunded: int = 0
    provider_id: str = ""
    """Of the latest attempt, or of the one whose money turned up late."""
    authorisation_open: bool = False
    """The provider may hold an authorisation: also after a refused capture or void, and while it is about to lapse."""
    effect: PaymentEffect | None = None
    parked: PaymentEffect | None = None
    unknown: bool = False
    refunds: tuple[Refund, ...] = ()
    voids: int = 0
    """How many were begun: a later authorisation is not voided under an earlier one's key."""
    revision: int = 0
    """Of the last report to orders."""
    refusal: str = ""
    lapsed: bool = False
    next_action: NextAction | None = None
    capture_before_ms: int = 0
    polls: int = 0
    reading: str = ""
    """The effect of a read under way. A read moves nothing, so it bars nothing, and its answer is believed only if
    nothing has happened since."""
    confirmed: tuple[str, ...] = ()
    """`captured/ID`, `authorised/ID`: what the provider has said of each of its payments; repeated, it is old news."""
    events_seen: tuple[str, ...] = ()

    @property
    def net(self) -> int:
        """What the shop has of the customer's money."""
        return self.captured - self.refunded

    @property
    def left(self) -> int:
        """What can still be refunded."""
        return self.net - sum(refund.amount for refund in self.refunds if refund.status in ("WAITING", "SENT"))

    @property
    def attention(self) -> Attention | Literal[""]:
        """Why somebody may have to look; what lists of payments ask for. A payment that goes well has no index row."""
        if self.state == "STUCK":
            return "STUCK"
        return "PARKED" if self.parked is not None else "UNKNOWN" if self.unknown else ""

    @property
    def waits(self) -> bool:
        """Whether the next move is the customer's or the bank's."""
        return self.state in ("CHARGING", "ACTION_REQUIRED") and self.effect is None and self.parked is None

    def told(self, minor: int) -> str:
        """An amount of it for people. One that was closed before it began has no currency, and may get money late."""
        return str(Money.of_minor(minor, self.currency)) if self.currency else f"{minor} in minor units"

    def refund(self, refund_id: str) -> Refund | None:
        """The refund of that id."""
        return next((refund for refund in self.refunds if refund.id == refund_id), None)

    def with_refund(self, changed: Refund) -> "Payment":
        """The refund of that id changed."""
        return replace(self, refunds=tuple(changed if refund.id == changed.id else refund for refund in self.refunds))

    def without_refund(self, refund_id: str) -> "Payment":
        """Its amount is free again."""
        return replace(self, refunds=tuple(refund for refund in self.refunds if refund.id != refund_id))

    def is_confirmed(self, status: str, provider_id: str) -> bool:
        """Whether the provider has said this of that payment before."""
        return f"{status}/{provider_id}" in self.confirmed
