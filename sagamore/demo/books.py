"""Our books held against the provider's: every order, and the totals of each currency."""

import msgspec

from sagamore.actors.money import Money
from sagamore.demo.accounts import OurAccount
from sagamore.demo.customers import Customers
from sagamore.demo.ledger import Account


class Totals(msgspec.Struct, frozen=True, rename="camel"):
    """Of one currency, in major units."""

    currency: str
    captured: str
    refunded: str
    provider_captured: str
    provider_refunded: str


class Books(msgspec.Struct, frozen=True, rename="camel"):
    """`differences` are orders of which the two books say different things, `violations` what the provider's own rules
    find wrong, `broken_promises` what customers were told and is not so: each a line."""

    totals: tuple[Totals, ...]
    orders_compared: int
    differences: tuple[str, ...]
    violations: tuple[str, ...]
    orders_accepted: int
    broken_promises: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everybody says the same."""
        return not (self.differences or self.violations or self.broken_promises)


def compare(
    ours: dict[str, OurAccount], theirs: dict[str, Account], violations: list[str], customers: Customers
) -> Books:
    """All of it; nothing here believes a counter."""
    orders = ours.keys() | theirs.keys()
    pairs = ((order, ours.get(order, OurAccount()), theirs.get(order, Account())) for order in sorted(orders))
    return Books(
        tuple(_totals(currency, ours, theirs) for currency in _currencies(ours, theirs)),
        len(orders),
        tuple(
            f"{order}: our books have {our.captured} captured and {our.refunded} refunded,"
            f" the provider's {their.captured} and {their.refunded}"
            for order, our, their in pairs
            if (our.captured, our.refunded) != (their.captured, their.refunded)
        ),
        tuple(violations),
        len(customers.accepted),
        tuple(_broken_promises(ours, customers)),
    )


def _broken_promises(ours: dict[str, OurAccount], customers: Customers) -> list[str]:
    broken = list(customers.contradictions)
    for n, order in customers.accepted.items():
        told, found = customers.ended.get(order), ours.get(order, OurAccount()).status
        if found == "MISSING":
            broken.append(f"#{n}: {order} was accepted and is lost")
        elif told != found:
            broken.append(f"#{n}: {order} is {found}; its customer was told {told or 'nothing'}")
    return broken


def _currencies(ours: dict[str, OurAccount], theirs: dict[str, Account]) -> list[str]:
    currencies = {account.currency for account in ours.values()} | {account.currency for account in theirs.values()}
    return sorted(currencies - {""})


def _totals(currency: str, ours: dict[str, OurAccount], theirs: dict[str, Account]) -> Totals:
    our = [account for account in ours.values() if account.currency == currency]
    their = [account for account in theirs.values() if account.currency == currency]
    return Totals(
        currency,
        *(
            Money.of_minor(sum(amounts), currency).amount
            for amounts in (
                (account.captured for account in our),
                (account.refunded for account in our),
                (account.captured for account in their),
                (account.refunded for account in their),
            )
        ),
    )
