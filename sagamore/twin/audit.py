"""What the books say about the merchant: totals, each reference, and the references that broke a rule.

Everything is added up from the payments when asked, so a wrong counter cannot hide a wrong charge. Amounts of
different currencies are never added together.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from sagamore.twin.ledger import Ledger
from sagamore.twin.payment import Payment

Rule = Literal[
    "double_charge",  # more than one live payment now
    "overlap",  # more than one live payment at some time, other than by money that turned up late
    "net_exceeds_amount",  # more was kept than the largest payment asked for
    "refund_exceeds_captured",
    "refund_repeated",  # one refund_id paid out more than once
    "mixed_currencies",
]


class Sums(Struct):
    """Of one reference, or of one currency. `voided` is what was asked for and given up: voided or lapsed."""

    captured: int = 0
    refunded: int = 0
    voided: int = 0
    net: int = 0
    charges: int = 0
    live_authorisations: int = 0
    payments: int = 0

    def add(self, payment: Payment) -> None:
        """Count one payment."""
        self.captured += payment.captured
        self.refunded += payment.refunded
        self.voided += payment.amount if payment.status in ("voided", "lapsed") else 0
        self.net += payment.left
        self.charges += payment.captured > 0
        self.live_authorisations += payment.status == "authorised"
        self.payments += 1


class Account(Sums, kw_only=True):
    """The sums of one reference."""

    currency: str


class Violation(Struct):
    """One broken rule."""

    reference: str
    rule: Rule
    account: Account


def totals(ledger: Ledger) -> dict[str, Sums]:
    """Sums by currency."""
    sums: dict[str, Sums] = {}
    for payment in ledger.payments.values():
        sums.setdefault(payment.currency, Sums()).add(payment)
    return sums


def accounts(ledger: Ledger) -> dict[str, Account]:
    """Sums by reference."""
    return {reference: _account(payments) for reference, payments in ledger.by_reference.items()}


def violations(ledger: Ledger) -> Iterator[Violation]:
    """Every broken rule of every reference."""
    for reference, payments in ledger.by_reference.items():
        account = _account(payments)
        for rule in _broken(ledger, reference, payments, account):
            yield Violation(reference, rule, account)


def _account(payments: Iterable[Payment]) -> Account:
    account: Account | None = None
    for payment in payments:
        account = account or Account(currency=payment.currency)
        account.add(payment)
    assert account is not None, "a reference has at least one payment"
    return account


def _broken(ledger: Ledger, reference: str, payments: list[Payment], account: Account) -> Iterator[Rule]:
    if sum(payment.live for payment in payments) > 1:
        yield "double_charge"
    if reference in ledger.overlapped:
        yield "overlap"
    if account.net > max(payment.amount for payment in payments):
        yield "net_exceeds_amount"
    if any(payment.left < 0 for payment in payments):
        yield "refund_exceeds_captured"
    paid_out = [
        refund.refund_id
        for payment in payments
        for refund in ledger.refunds.get(payment.id, {}).values()
        if refund.status in ("succeeded", "pending")
    ]
    if len(set(paid_out)) < len(paid_out):
        yield "refund_repeated"
    if any(payment.currency != account.currency for payment in payments):
        yield "mixed_currencies"
