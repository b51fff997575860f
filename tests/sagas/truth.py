"""The provider's truth in a world: the strict bank of the payment tests, as a value that can be compared."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from sagamore.engine.turn import EffectStarted
from tests.payments.bank import Bank, Choice, Deal
from tests.protocol.explore import Violation

BY_HAND = "by hand"
LATE = "px_late"
UNDECIDED = ("action_required", "pending")
CHOICES: dict[str, tuple[tuple[Choice, str], ...]] = {
    "charge": (("yes", ""), ("no", "decline"), ("action", "action"), ("pending", "action")),
    "authorise": (("yes", ""), ("no", "decline"), ("action", "action"), ("pending", "action")),
    "capture": (("yes", ""), ("no", "decline")),
    "void": (("yes", ""), ("no", "undo refused")),
    "refund": (("yes", ""), ("no", "undo refused"), ("pending", "action")),
    "read": (("yes", ""),),
}
"""What the provider may do with a call it sees for the first time, and what that costs of the budget."""


class Truth(NamedTuple):
    """Deals (id, status, amount, to be authorised only, captured), refunds, answers stored by key."""

    deals: tuple[tuple[str, str, int, bool, int], ...] = ()
    refunds: tuple[tuple[str, int], ...] = ()
    answers: tuple[tuple[str, tuple[str, str]], ...] = ()

    @property
    def net(self) -> int:
        """What was taken and not given back."""
        return sum(deal[4] for deal in self.deals) - sum(amount for _, amount in self.refunds)

    @property
    def open(self) -> tuple[str, ...]:
        """Deals that are authorised or undecided."""
        return tuple(deal[0] for deal in self.deals if deal[1] in (*UNDECIDED, "authorised"))

    @property
    def undecided(self) -> tuple[str, ...]:
        """Deals that wait for the customer or the bank."""
        return tuple(deal[0] for deal in self.deals if deal[1] in UNDECIDED)


def thaw(truth: Truth) -> Bank:
    """A bank to work with."""
    bank = Bank()
    bank.deals = {deal[0]: Deal(*deal[1:]) for deal in truth.deals}
    bank.refunds, bank.answers = dict(truth.refunds), dict(truth.answers)
    return bank


def freeze(bank: Bank) -> Truth:
    """What it has become."""
    deals = tuple((i, d.status, d.amount, d.authorise, d.captured) for i, d in sorted(bank.deals.items()))
    return Truth(deals, tuple(sorted(bank.refunds.items())), tuple(sorted(bank.answers.items())))


def called(truth: Truth, effect: EffectStarted) -> Iterator[tuple[str, str, Truth, str, str]]:
    """All ways in which the provider may take the call: choice, its cost, and the truth, verdict and answer then.
    Raises Violation if the call breaks a rule of the bank's."""
    choices = CHOICES[effect.operation]
    if effect.key in dict(truth.answers):
        choices = choices[:1]
    for choice, cost in choices:
        bank = thaw(truth)
        try:
            verdict, answer = bank.do(effect, choice)
        except AssertionError as broken:
            raise Violation(f"the provider: {str(broken).splitlines()[0]}") from broken
        yield choice, cost, freeze(bank), verdict, answer


def decided(truth: Truth, provider_id: str, paid: bool) -> Truth:
    """The customer, or the bank, has paid or not."""
    bank = thaw(truth)
    if paid:
        bank.pay(bank.deals[provider_id])
    else:
        bank.deals[provider_id].status = "refused"
    return freeze(bank)


def with_status(truth: Truth, provider_id: str, status: Literal["voided"]) -> Truth:
    """A deal in another state."""
    bank = thaw(truth)
    bank.deals[provider_id].status = status
    return freeze(bank)


def with_late_money(truth: Truth, amount: int, authorise: bool) -> Truth:
    """Money for a payment that was given up."""
    bank = thaw(truth)
    bank.deals[LATE] = deal = Deal("refused", amount, authorise)
    bank.pay(deal)
    return freeze(bank)


def without_refund(truth: Truth, refund_id: str) -> Truth:
    """A refund that failed after all."""
    return truth._replace(refunds=tuple(refund for refund in truth.refunds if refund[0] != refund_id))


def settled_by_hand(truth: Truth, effect: EffectStarted | None) -> tuple[Truth, Any]:
    """A person ends at the provider what is half done, the effect or all that is left; what they say of it then."""
    bank = thaw(truth)
    if effect is not None:
        outcome = bank.settle_by_hand(effect)
    elif bank.open:
        for provider_id in truth.open:
            bank.deals[provider_id].status = "voided"
        outcome = "voided"
    else:
        bank.refunds[BY_HAND] = bank.refunds.get(BY_HAND, 0) + bank.net
        outcome = "refunded"
    return freeze(bank), outcome
