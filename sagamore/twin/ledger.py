"""The provider's books: payments, refunds and events, made by applying movements, live and at a restart alike.

A movement is a fact and never refused: `provider.py` decides, this file counts. Every look-up is one dict access.
Nothing is deduplicated by reference or refund id, on purpose: a second charge must be seen as a second charge.

    payment:  authorised -> captured | voided | lapsed | refused      action_required, pending -> captured | authorised
              refused, voided, lapsed -> captured | authorised (money that turns up late)         | refused | voided
    refund:   succeeded | refused | pending -> failed
"""

import heapq
from collections.abc import Iterator

from msgspec.structs import replace

from sagamore.twin.movement import Changed, Movement, Opened, Refunded, RefundFailed
from sagamore.twin.payment import MESSAGES, Event, EventType, NextAction, Payment, Refund, rfc3339


class Ledger:
    """All payments ever made here."""

    def __init__(self) -> None:
        self.payments: dict[str, Payment] = {}
        self.by_reference: dict[str, list[Payment]] = {}
        self.refunds: dict[str, dict[str, Refund]] = {}  # payment -> refund -> Refund, in order
        self.events: list[Event] = []
        self.overlapped: set[str] = set()  # references that ever had two live payments at once
        self._due: list[tuple[int, str, str]] = []
        self._due_ms: dict[str, int] = {}  # the valid one of each payment's and refund's entries in _due

    def apply(self, movement: Movement, at_ms: int) -> None:
        """Count it."""
        match movement:
            case Opened():
                self._open(movement)
            case Changed():
                self._change(movement, at_ms)
            case Refunded():
                payment = self.payments[movement.payment]
                self.refunds.setdefault(payment.id, {})[movement.refund] = Refund(
                    id=movement.refund,
                    refund_id=movement.refund_id,
                    payment=payment.id,
                    status=movement.status,
                    amount=movement.amount,
                    code=movement.code,
                    message=MESSAGES.get(movement.code, ""),
                )
                if movement.status != "refused":
                    payment.refunded += movement.amount
                self._schedule(movement.refund, payment.id, movement.due_ms)
            case RefundFailed():
                payment = self.payments[movement.payment]
                refund = self.refunds[payment.id][movement.refund]
                refund.status, refund.code, refund.message = "failed", "refund_failed", MESSAGES["refund_failed"]
                payment.refunded -= refund.amount
                self._schedule(refund.id, payment.id, None)
                self._tell("refund.failed", payment, at_ms, refund=replace(refund))

    def take_due(self, now_ms: int) -> Iterator[tuple[str, str]]:
        """Yield (payment, payment or refund) of what is due; each once."""
        while self._due and self._due[0][0] <= now_ms:
            due_ms, item, payment = heapq.heappop(self._due)
            if self._due_ms.get(item) == due_ms:
                del self._due_ms[item]
                yield payment, item

    def _open(self, movement: Opened) -> None:
        payment = Payment(
            id=movement.payment,
            reference=movement.reference,
            status=movement.status,
            amount=movement.amount,
            captured=movement.amount if movement.status == "captured" else 0,
            refunded=0,
            currency=movement.currency,
            method=movement.method,
            capture=movement.capture,
            metadata=movement.metadata,
        )
        self.payments[payment.id] = payment
        self.by_reference.setdefault(payment.reference, []).append(payment)
        self._settle(payment, movement.code, movement.due_ms)

    def _change(self, movement: Changed, at_ms: int) -> None:
        payment = self.payments[movement.payment]
        payment.status = movement.status
        payment.captured += movement.captured
        self._settle(payment, movement.code, movement.due_ms, late=movement.late)
        if movement.event:
            # Only these four are ever marked as events.
            self._tell(f"payment.{payment.status}", payment, at_ms, late=movement.late)  # type: ignore[arg-type]

    def _settle(self, payment: Payment, code: str, due_ms: int | None, late: bool = False) -> None:
        payment.code, payment.message = code, MESSAGES.get(code, "")
        payment.capture_before = rfc3339(due_ms) if payment.status == "authorised" and due_ms is not None else ""
        asks = payment.status == "action_required"
        payment.next_action = NextAction("redirect", f"/v1/payments/{payment.id}/complete") if asks else None
        self._schedule(payment.id, payment.id, due_ms)
        # Money that turns up late is the provider's doing, not a second charge by the merchant.
        if payment.live and not late:
            others = self.by_reference[payment.reference]
            if len(others) > 1 and any(other.live for other in others if other is not payment):
                self.overlapped.add(payment.reference)

    def _schedule(self, item: str, payment: str, due_ms: int | None) -> None:
        if due_ms is None:
            self._due_ms.pop(item, None)
        else:
            self._due_ms[item] = due_ms
            heapq.heappush(self._due, (due_ms, item, payment))

    def _tell(
        self, kind: EventType, payment: Payment, at_ms: int, refund: Refund | None = None, late: bool = False
    ) -> None:
        number = len(self.events) + 1
        self.events.append(Event(number, kind, rfc3339(at_ms), replace(payment), refund, late))
