"""A strict provider as a test's truth: one order's money, answers stored by key, every rule an assertion."""

from typing import Any, Literal

import msgspec

from sagamore.actors.orders.payment_provider import PaymentAnswer
from sagamore.engine.message import encode
from sagamore.engine.policy import HOUR_MS
from sagamore.engine.testing import NOON_MS
from sagamore.engine.turn import EffectStarted

Choice = Literal["yes", "no", "action", "pending"]


class Deal(msgspec.Struct):
    """One payment at the provider."""

    status: Any
    amount: int
    authorise: bool = False
    captured: int = 0


class Bank:
    """What really happened."""

    def __init__(self) -> None:
        self.deals: dict[str, Deal] = {}
        self.refunds: dict[str, int] = {}
        self.answers: dict[str, tuple[str, str]] = {}

    @property
    def captured(self) -> int:
        return sum(deal.captured for deal in self.deals.values())

    @property
    def net(self) -> int:
        return self.captured - sum(self.refunds.values())

    @property
    def open(self) -> bool:
        """Whether an authorisation, or a payment that waits for the customer, is still open."""
        return any(deal.status in ("authorised", "action_required", "pending") for deal in self.deals.values())

    def do(self, effect: EffectStarted, choice: Choice) -> tuple[str, str]:
        """Verdict and answer; the first of a key is the answer for ever. A read answers afresh."""
        request = msgspec.json.decode(effect.request)
        if effect.operation == "read":
            return self._read(request)
        if effect.key not in self.answers:
            verdict, answer = getattr(self, "_" + effect.operation)(request, choice)
            self.answers[effect.key] = verdict, encode(answer).decode()
        return self.answers[effect.key]

    def _charge(self, request: Any, choice: Choice, authorise: bool = False) -> tuple[str, PaymentAnswer]:
        assert not self.open and self.net == 0, "a second charge while one is live"
        provider_id = f"px_{request['attempt']}"
        deal = self.deals[provider_id] = Deal("refused", request["amount"], authorise)
        if choice == "yes":
            self.pay(deal)
        elif choice != "no":
            deal.status = "action_required" if choice == "action" else "pending"
        return ("refused" if choice == "no" else "succeeded"), self._answer(provider_id)

    def _authorise(self, request: Any, choice: Choice) -> tuple[str, PaymentAnswer]:
        return self._charge(request, choice, authorise=True)

    def _capture(self, request: Any, choice: Choice) -> tuple[str, PaymentAnswer]:
        deal = self.deals[request["provider_id"]]
        if deal.status != "authorised" or choice == "no":
            return "refused", self._answer(request["provider_id"])
        deal.authorise = False
        self.pay(deal)
        return "succeeded", self._answer(request["provider_id"])

    def _void(self, request: Any, choice: Choice) -> tuple[str, PaymentAnswer]:
        deal = self.deals[request["provider_id"]]
        if choice == "no" or deal.status in ("captured", "pending"):
            return "refused", self._answer(request["provider_id"])
        deal.status = "voided"
        return "succeeded", self._answer(request["provider_id"])

    def _refund(self, request: Any, choice: Choice) -> tuple[str, PaymentAnswer]:
        assert 0 < request["amount"] <= self.net, "a refund of more than is left"
        assert request["refund_id"] not in self.refunds
        if choice == "no":
            return "refused", PaymentAnswer("refused", code="refund_refused")
        self.refunds[request["refund_id"]] = request["amount"]
        status: Any = "refunded" if choice == "yes" else "refund_pending"
        return "succeeded", PaymentAnswer(status, request["amount"])

    def _read(self, request: Any) -> tuple[str, str]:
        if request["refund_id"]:
            amount = self.refunds.get(request["refund_id"])
            answer = PaymentAnswer("refunded", amount) if amount else None
        else:
            provider_id = request["provider_id"] or f"px_{request['attempt']}"
            answer = self._answer(provider_id) if provider_id in self.deals else None
        return ("succeeded", encode(answer).decode()) if answer else ("refused", "")

    def settle_by_hand(self, effect: EffectStarted) -> Any:
        """What a person who looks into the books says of it; empty where the customer or the bank has to decide."""
        request = msgspec.json.decode(effect.request)
        self.answers.setdefault(effect.key, ("refused", '{"status":"refused"}'))  # it never arrived, and is barred
        if effect.operation == "refund":
            return "refunded" if request["refund_id"] in self.refunds else "refused"
        deal = self.deals.get(request.get("provider_id") or f"px_{request['attempt']}", Deal("refused", 0))
        if effect.operation == "void" and deal.status in ("authorised", "action_required", "refused"):
            deal.status = "voided"
        if effect.operation == "capture" and deal.status in ("authorised", "voided"):
            return "refused"
        return {"action_required": "", "pending": ""}.get(deal.status, deal.status)

    def pay(self, deal: Deal) -> None:
        if deal.authorise:
            deal.status = "authorised"
        else:
            deal.status, deal.captured = "captured", deal.amount

    def _answer(self, provider_id: str) -> PaymentAnswer:
        deal = self.deals[provider_id]
        capture_before_ms = NOON_MS + 8 * HOUR_MS if deal.status == "authorised" else 0
        return PaymentAnswer(deal.status, deal.amount, provider_id=provider_id, capture_before_ms=capture_before_ms)
