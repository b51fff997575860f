"""The outside world of the kill matrix: a provider that outlives every death of the shop, and judges it.

`SimulatedPayments` keeps a strict provider's books; the bank adds what scenarios need. Calls can be held at its door
before they are done, or after (done, and the answer under way); the next answers of an operation can be lost; payment
methods that begin so choose more:

    pm_capture_refused   authorised, but the capture is refused and the authorisation is gone
    pm_lapses            authorised, to be captured within two hours
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from sagamore.actors.orders.payment_provider import (
    CaptureRequest,
    ChargeRequest,
    PaymentAnswer,
    PaymentRequest,
    ReadRequest,
    declined,
    decode_answer,
    succeeded,
)
from sagamore.actors.providers.simulated import SimulatedPayment, SimulatedPayments
from sagamore.engine.effect import Outcome, Succeeded, Unknown
from sagamore.engine.ports import Clock
from sagamore.engine.testing import NOON_MS

R = TypeVar("R", bound=PaymentRequest)
LAPSES_AFTER_MS = 2 * 3_600_000


class Gate:
    """Where calls wait until it is opened."""

    def __init__(self) -> None:
        self.waiting = 0
        self._open = asyncio.Event()

    def open(self) -> None:
        """Let all go on."""
        self._open.set()

    async def pass_through(self) -> None:
        """Wait for it to open."""
        self.waiting += 1
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1


class Bank(SimulatedPayments):
    """`violations` names every order that was charged while another charge of it was live."""

    def __init__(
        self, clock: Clock, *, look_up: bool = True, authorises: bool = True, lose_answer: float = 0, places: int = 64
    ) -> None:
        super().__init__(authorises=authorises, lose_answer=lose_answer)
        self.capabilities = replace(self.capabilities, look_up=look_up, in_flight_max=places)
        self.violations: list[str] = []
        self.before: dict[str, Gate] = {}
        self.after: dict[str, Gate] = {}
        self.lost: dict[str, int] = {}
        """How many of the next answers of an operation are lost."""
        self._failed: dict[str, str] = {}
        self._clock = clock

    def hold(self, operation: str, *, done: bool = False) -> Gate:
        """Calls of that operation wait at a new gate, before or after they are done."""
        gate = (self.after if done else self.before)[operation] = Gate()
        return gate

    def new_life(self) -> None:
        """The shop died: its connections are cut, nobody waits at a gate any more."""
        self.before.clear()
        self.after.clear()

    async def _once(self, request: R, key: str, act: Callable[[R, str], Outcome]) -> Outcome:
        operation = act.__name__.removeprefix("_")
        if (gate := self.before.get(operation)) is not None:
            await gate.pass_through()
        outcome = await super()._once(request, key, act)
        if (gate := self.after.get(operation)) is not None:
            await gate.pass_through()
        if self.lost.get(operation, 0):
            self.lost[operation] -= 1
            return Unknown("the answer was lost")
        return outcome

    async def look_up(self, request: ReadRequest) -> Outcome | None:
        """As the simulated one; an authorisation says again until when it is good."""
        return self._dated(await super().look_up(request), request.reference)

    def _create(self, request: ChargeRequest, key: str, authorise: bool) -> Outcome:
        if any(live(payment) for payment in self.payments_of(request.order_id).values()):
            self.violations.append(request.order_id)
        return self._dated(super()._create(request, key, authorise), request.reference) or Unknown("never")

    def _capture(self, request: CaptureRequest, key: str) -> Outcome:
        payment = self.payments[request.reference]
        if payment.method.startswith("pm_capture_refused") and payment.status == "authorised":
            payment.status = "refused"
            return declined(PaymentAnswer("refused", code="capture_refused", message="the issuer refused"))
        return super()._capture(request, key)

    def _dated(self, outcome: Outcome | None, reference: str) -> Outcome | None:
        lapses = isinstance(outcome, Succeeded) and self.payments[reference].method.startswith("pm_lapses")
        if not lapses or not isinstance(outcome, Succeeded):
            return outcome
        until_ms = NOON_MS + LAPSES_AFTER_MS
        return succeeded(replace(decode_answer(outcome.answer), capture_before_ms=until_ms))

    def let_a_refund_fail(self, order_id: str) -> str:
        """The order's first refund, which was accepted, fails after all; its id. Asked again, the same."""
        if order_id not in self._failed:
            reference, payment = next((name, p) for name, p in self.payments_of(order_id).items() if p.refunds)
            self._failed[order_id] = next(iter(payment.refunds))
            self.fail_refund(reference, self._failed[order_id])
        return self._failed[order_id]

    # --- what scenarios and judges ask ---

    def payments_of(self, order_id: str) -> dict[str, SimulatedPayment]:
        """All payments of an order, by reference."""
        return {name: p for name, p in self.payments.items() if name.startswith(f"{order_id}/")}

    def net(self, order_id: str) -> int:
        """What the shop has of the customer's money."""
        return sum(payment.captured - payment.refunded for payment in self.payments_of(order_id).values())

    def open_payments(self, order_id: str) -> list[str]:
        """References under which something could still be taken."""
        waits = ("authorised", "action_required", "pending")
        return [name for name, payment in self.payments_of(order_id).items() if payment.status in waits]


def live(payment: SimulatedPayment) -> bool:
    """It holds or has the customer's money."""
    return payment.status == "authorised" or payment.captured > payment.refunded
