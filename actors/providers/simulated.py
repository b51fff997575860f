"""A payment provider inside the process, for demos, benchmarks and tests: no network, no disk, chance from a seed.

It keeps a strict provider's promises: the first answer to a key is kept and given again, a key with another request is
unknown, and no more is given back than was captured. Chance is a hash of (seed, key), so that a run does not depend on
the order of its calls. It forgets all with the process, and before that all but the last `remembers` payments and
answers (1 kB each). Payment methods that begin so choose what happens; all others are paid:

    pm_refused           declined
    pm_action            the customer must act, pm_pending: the bank must decide; `decide` says how it ends
    pm_refund_refused    paid, but its refunds are refused
    pm_refund_pending    paid, its refunds are accepted only; `fail_refund` lets one fail
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Literal, TypeVar

import msgspec

from sagamore.actors.orders.payment_messages import NextAction, PaymentEvent
from sagamore.actors.orders.payment_provider import (
    CaptureRequest,
    ChargeRequest,
    PaymentAnswer,
    PaymentCapabilities,
    PaymentRequest,
    ReadRequest,
    RefundRequest,
    Status,
    VoidRequest,
    declined,
    succeeded,
)
from sagamore.engine.effect import Outcome, Unknown

R = TypeVar("R", bound=PaymentRequest)
REMEMBERS_DEFAULT = 100_000
IN_FLIGHT_MAX = 256  # what a batch of payments may begin: nothing here needs protection from so many
ID_PREFIX = "sim_"
NOT_FOUND = PaymentAnswer("refused", code="not_found", message="there is no such payment")


class SimulatedPayment(msgspec.Struct):
    """What the provider knows of one payment."""

    method: str
    status: Status
    amount: int
    authorise: bool
    captured: int = 0
    refunds: dict[str, int] = msgspec.field(default_factory=dict)
    """Amounts by refund id; those that were refused or failed are not among them."""

    @property
    def refunded(self) -> int:
        """All that was given back."""
        return sum(self.refunds.values())


class _Kept(msgspec.Struct):
    request: PaymentRequest
    outcome: Outcome
    calls: int = 0


class SimulatedPayments:
    """`refuse` and `lose_answer` are chances in [0, 1]; an answer is lost after the money has moved. `latency_ms` is a
    mean, spread evenly from half of it to one and a half; with 0 a call returns without waiting."""

    def __init__(
        self,
        *,
        seed: int = 0,
        latency_ms: float = 0,
        refuse: float = 0,
        lose_answer: float = 0,
        authorises: bool = True,
        remembers: int = REMEMBERS_DEFAULT,
    ) -> None:
        self.capabilities = PaymentCapabilities(
            takes_key=True, look_up=True, settle_ms=0, in_flight_max=IN_FLIGHT_MAX, authorises=authorises
        )
        self.seed = seed
        self.latency_ms = latency_ms
        self.refuse = refuse
        self.lose_answer = lose_answer
        self.remembers = remembers
        self.payments: OrderedDict[str, SimulatedPayment] = OrderedDict()
        """The ledger, by our reference `ORDER/ATTEMPT`."""
        self.answers_lost = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def charge(self, request: ChargeRequest, key: str) -> Outcome:
        """Take the money."""
        return await self._once(request, key, self._charge)

    async def authorise(self, request: ChargeRequest, key: str) -> Outcome:
        """Promise the money."""
        return await self._once(request, key, self._authorise)

    async def capture(self, request: CaptureRequest, key: str) -> Outcome:
        """Take what was promised."""
        return await self._once(request, key, self._capture)

    async def void(self, request: VoidRequest, key: str) -> Outcome:
        """Let go of what was promised."""
        return await self._once(request, key, self._void)

    async def refund(self, request: RefundRequest, key: str) -> Outcome:
        """Give money back."""
        return await self._once(request, key, self._refund)

    async def read(self, request: ReadRequest) -> Outcome:
        """How the payment stands."""
        return await self.look_up(request) or declined(NOT_FOUND)

    async def look_up(self, request: ReadRequest) -> Outcome | None:
        """The payment, or the refund of it, by our reference."""
        payment = self._find(request, request.provider_id)
        if payment is None or (request.refund_id and request.refund_id not in payment.refunds):
            return None
        if request.refund_id:
            return succeeded(_refund_answer(payment, request.refund_id))
        return succeeded(self._answer(request, payment))

    async def events(self, after: str) -> tuple[Sequence[PaymentEvent], str]:
        """None: whoever has it `decide`, or fail a refund, tells the shop."""
        return (), after

    async def close(self) -> None:
        """There is nothing to let go of."""

    def decide(self, reference: str, outcome: Literal["paid", "refused", "pending"]) -> None:
        """The customer has acted, or the bank has decided. Raises ValueError if neither was asked."""
        payment = self.payments[reference]
        if payment.status not in ("action_required", "pending"):
            raise ValueError(f"{reference} is {payment.status}; nothing waits to be decided")
        if outcome == "paid":
            _pay(payment)
        else:
            payment.status = outcome

    def fail_refund(self, reference: str, refund_id: str) -> int:
        """A refund that had been accepted fails after all; returns its amount. Raises KeyError if there is none."""
        return self.payments[reference].refunds.pop(refund_id)

    async def _once(self, request: R, key: str, act: Callable[[R, str], Outcome]) -> Outcome:
        """Act on the first call of a key; answer the later ones the same."""
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Kept(request, act(request, key))
            if len(self._kept) > self.remembers:
                self._kept.popitem(last=False)
        elif kept.request != request:
            return Unknown("the key was used with another request")
        kept.calls += 1
        if self.latency_ms:
            await asyncio.sleep(self.latency_ms * (0.5 + self._chance(key, f"latency {kept.calls}")) / 1000)
        if self.lose_answer and self._chance(key, f"answer {kept.calls}") < self.lose_answer:
            self.answers_lost += 1
            return Unknown("the answer was lost")
        return kept.outcome

    def _chance(self, key: str, of: str) -> float:
        digest = blake2b(f"{self.seed}/{key}/{of}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64

    def _charge(self, request: ChargeRequest, key: str) -> Outcome:
        return self._create(request, key, authorise=False)

    def _authorise(self, request: ChargeRequest, key: str) -> Outcome:
        return self._create(request, key, authorise=True)

    def _create(self, request: ChargeRequest, key: str, authorise: bool) -> Outcome:
        method = request.payment_method
        payment = SimulatedPayment(method, "pending", request.amount, authorise)
        if method.startswith("pm_refused") or (self.refuse and self._chance(key, "refusal") < self.refuse):
            payment.status = "refused"
        elif method.startswith("pm_action"):
            payment.status = "action_required"
        elif not method.startswith("pm_pending"):
            _pay(payment)
        self.payments[request.reference] = payment
        if len(self.payments) > self.remembers:
            self.payments.popitem(last=False)
        answer = self._answer(request, payment)
        return declined(answer) if payment.status == "refused" else succeeded(answer)

    def _capture(self, request: CaptureRequest, _: str) -> Outcome:
        payment = self._find(request, request.provider_id)
        if payment is None:
            return declined(NOT_FOUND)
        if payment.status != "authorised":
            return declined(self._answer(request, payment))
        _pay(payment, capture=True)
        return succeeded(self._answer(request, payment))

    def _void(self, request: VoidRequest, _: str) -> Outcome:
        payment = self._find(request, request.provider_id)
        if payment is None:
            return succeeded(PaymentAnswer("voided"))
        if payment.status in ("authorised", "action_required"):
            payment.status = "voided"
        if payment.status in ("captured", "pending"):
            return declined(self._answer(request, payment))
        return succeeded(PaymentAnswer("voided", provider_id=request.provider_id))

    def _refund(self, request: RefundRequest, _: str) -> Outcome:
        payment = self._find(request, request.provider_id)
        if payment is None:
            return declined(NOT_FOUND)
        if payment.method.startswith("pm_refund_refused"):
            return declined(PaymentAnswer("refused", code="refund_refused", message="the bank takes no refund"))
        if request.amount > payment.captured - payment.refunded:
            return declined(PaymentAnswer("refused", code="too_much", message="more than is left of the payment"))
        payment.refunds[request.refund_id] = request.amount
        return succeeded(_refund_answer(payment, request.refund_id))

    def _find(self, request: PaymentRequest, provider_id: str) -> SimulatedPayment | None:
        return self.payments.get(provider_id.removeprefix(ID_PREFIX) if provider_id else request.reference)

    def _answer(self, request: PaymentRequest, payment: SimulatedPayment) -> PaymentAnswer:
        return PaymentAnswer(
            payment.status,
            payment.amount,
            payment.captured,
            payment.refunded,
            getattr(request, "provider_id", "") or ID_PREFIX + request.reference,
            "card_declined" if payment.status == "refused" else "",
            "the card was declined" if payment.status == "refused" else "",
            NextAction("redirect", "https://bank.invalid/act") if payment.status == "action_required" else None,
        )


def _pay(payment: SimulatedPayment, capture: bool = False) -> None:
    if payment.authorise and not capture:
        payment.status = "authorised"
    else:
        payment.status, payment.captured = "captured", payment.amount


def _refund_answer(payment: SimulatedPayment, refund_id: str) -> PaymentAnswer:
    status: Status = "refund_pending" if payment.method.startswith("pm_refund_pending") else "refunded"
    return PaymentAnswer(status, payment.refunds[refund_id], payment.captured, payment.refunded)
