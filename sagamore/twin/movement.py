"""A movement: one fact of the books, as one line of the journal holds it. Times are milliseconds since 1970, UTC."""

from msgspec import Struct

from sagamore.twin.payment import PaymentStatus, RefundStatus


class Opened(Struct, frozen=True, omit_defaults=True, tag="opened", tag_field="kind"):
    """A payment begins. due_ms: when an authorisation lapses, or a pending payment settles by itself."""

    payment: str
    reference: str
    status: PaymentStatus
    amount: int
    currency: str
    method: str
    capture: bool
    metadata: dict[str, str] = {}
    code: str = ""
    due_ms: int | None = None


class Changed(Struct, frozen=True, omit_defaults=True, tag="changed", tag_field="kind"):
    """A payment gets another status; `event` if the merchant did not ask for it, `late` if it was over already."""

    payment: str
    status: PaymentStatus
    captured: int = 0
    code: str = ""
    due_ms: int | None = None
    event: bool = False
    late: bool = False


class Refunded(Struct, frozen=True, omit_defaults=True, tag="refunded", tag_field="kind"):
    """A refund was accepted or refused; a pending one fails at due_ms."""

    payment: str
    refund: str
    refund_id: str
    status: RefundStatus
    amount: int
    code: str = ""
    due_ms: int | None = None


class RefundFailed(Struct, frozen=True, tag="refund_failed", tag_field="kind"):
    """A pending refund came back: the merchant has the money again."""

    payment: str
    refund: str


Movement = Opened | Changed | Refunded | RefundFailed
