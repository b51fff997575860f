"""What a host writes to be paid: the payment provider protocol, its requests and its answer.

A provider is a class with declared `capabilities` and async methods that return an outcome of the engine:

    Succeeded(answer)   it is done, or waits for the customer or the bank; the answer says which
    Declined(answer)    definitively not: nothing happened, nothing will
    NotReached          provably not one byte was written (name, connection, TLS)
    Throttled           come back later
    Unknown             it may have happened: a lost answer, a timeout, 5xx, 409, a key used with another body

Whatever a method raises is unknown too. An answer is the JSON of a `PaymentAnswer`, which says how the payment (or the
refund) stands; `succeeded` and `declined` write one. Amounts are integer minor units.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, assert_never

import msgspec

from sagamore.actors.orders.payment_messages import NextAction, PaymentEvent
from sagamore.engine.effect import Capabilities, Declined, Outcome, Succeeded
from sagamore.engine.message import Record, encode

Operation = Literal["charge", "authorise", "capture", "void", "refund", "read"]
Status = Literal[
    "captured", "authorised", "action_required", "pending", "refused", "voided", "refunded", "refund_pending"
]  # fmt: skip


class PaymentCapabilities(Capabilities, frozen=True):
    """The engine's capabilities, and whether an authorisation can be captured later."""

    authorises: bool = True
    events_every_ms: int = 0
    """How often to ask for its `events`; 0: it has none, or pushes them, and the host hands them to the shop."""


class PaymentAnswer(Record, frozen=True, omit_defaults=True):
    """How a payment or a refund stands at the provider."""

    status: Status
    """pending: the bank has not decided. A void finds `voided` also where there was nothing left to void. The answer
    to a declined capture is `authorised` if the authorisation is still good. `refused` of a refund: it was not made."""
    amount: int = 0
    """What is captured, authorised or refunded by what was asked; must be what was asked for."""
    captured: int = 0
    """All that is captured of this payment."""
    refunded: int = 0
    """All that is refunded of this payment."""
    provider_id: str = ""
    """The provider's own id of the payment; it goes back with capture, void, refund and read."""
    code: str = ""
    """The provider's code of a refusal."""
    message: str = ""
    next_action: NextAction | None = None
    """What the customer must do, with `action_required`."""
    capture_before_ms: int = 0
    """When an authorisation lapses, Unix milliseconds; 0: not said."""


class PaymentRequest(Record, frozen=True):
    """What all requests have in common: whose payment, and which attempt at it (1, 2, 3 …)."""

    order_id: str
    attempt: int

    @property
    def reference(self) -> str:
        """Our reference of this attempt, unique for ever: what a look-up asks for."""
        return f"{self.order_id}/{self.attempt}"


class ChargeRequest(PaymentRequest, frozen=True):
    """Take `amount`, or with `authorise` promise it for a later capture."""

    amount: int
    currency: str
    payment_method: str
    """A token of the provider's, never a card number."""


class CaptureRequest(PaymentRequest, frozen=True):
    """Take all of what is authorised."""

    provider_id: str
    amount: int
    currency: str


class VoidRequest(PaymentRequest, frozen=True):
    """Let go of an authorisation, or of a payment that waits for the customer."""

    provider_id: str


class RefundRequest(PaymentRequest, frozen=True):
    """Give `amount` back. `refund_id` is ours, and unique for ever."""

    provider_id: str
    refund_id: str
    amount: int
    currency: str
    reason: str


class ReadRequest(PaymentRequest, frozen=True):
    """How does the payment stand, or with `refund_id` our refund of it?"""

    provider_id: str
    """Empty: the answer that would have named it was lost."""
    refund_id: str = ""


class PaymentProvider(Protocol):
    """Implement it for a provider; `tests/payments/contract` judges the result. `key` is the idempotency key: the same
    one, with the same request, at every attempt of one call."""

    capabilities: PaymentCapabilities

    async def charge(self, request: ChargeRequest, key: str) -> Outcome:
        """Captured, action_required, pending; or declined as refused."""
        ...

    async def authorise(self, request: ChargeRequest, key: str) -> Outcome:
        """Authorised, action_required, pending; or declined as refused. Called only if the provider `authorises`."""
        ...

    async def capture(self, request: CaptureRequest, key: str) -> Outcome:
        """Captured; or declined."""
        ...

    async def void(self, request: VoidRequest, key: str) -> Outcome:
        """Voided, also if it was lapsed, refused or voided before; or declined as captured meanwhile."""
        ...

    async def refund(self, request: RefundRequest, key: str) -> Outcome:
        """Refunded, refund_pending; or declined as refused."""
        ...

    async def read(self, request: ReadRequest) -> Outcome:
        """Read the payment by `provider_id`: Succeeded with any status. Changes nothing."""
        ...

    async def look_up(self, request: ReadRequest) -> Outcome | None:
        """Find the payment by `reference`, or the refund by `refund_id`; None if the provider has never heard of it.
        Changes nothing. Called only if `capabilities.look_up`, which promises that what is found is all there is."""
        ...

    async def events(self, after: str) -> tuple[Sequence[PaymentEvent], str]:
        """What happened unasked after a place in the provider's list (empty: its beginning), some of it, in its order;
        and the place of the last. Called only if `capabilities.events_every_ms`."""
        ...

    async def close(self) -> None:
        """Let go of connections and threads."""
        ...


def succeeded(answer: PaymentAnswer) -> Succeeded:
    """The outcome of a call that was done."""
    return Succeeded(encode(answer).decode())


def declined(answer: PaymentAnswer) -> Declined:
    """The outcome of a call that will never be done."""
    return Declined(encode(answer).decode())


decode_answer = msgspec.json.Decoder(PaymentAnswer).decode

Event = Literal["captured", "authorised", "action_required", "pending", "refused", "voided", "refunded"]


def ending(operation: Operation, status: Status) -> Event | None:
    """What `status` means for a call that asked for `operation`: how it ended, or None if the status does not say that
    it did (an authorisation whose capture is asked for and that is still only authorised)."""
    match operation:
        case "charge" | "authorise" | "read":
            match status:
                case "captured" | "authorised" | "action_required" | "pending" | "refused":
                    return status
                case "voided":
                    return "refused"
        case "capture":
            match status:
                case "captured":
                    return status
                case "refused" | "voided":
                    return "refused"
        case "void":
            match status:
                case "captured":
                    return status
                case "refused" | "voided":
                    return "voided"
        case "refund":
            match status:
                case "refunded" | "refund_pending":
                    return "refunded"
                case "refused":
                    return "refused"
        case _:
            assert_never(operation)
    return None
