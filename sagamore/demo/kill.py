"""The kill: which charges had no answer then, what the provider had done about each, and what became of it.

What was unanswered is read from the files while nobody runs the shop; what the provider had done, from its ledger at
that moment; what became of it, from both at the end.
"""

from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

from sagamore.demo.accounts import OurAccount, read_unanswered
from sagamore.demo.ledger import Account, Ledger

Done = Literal["taken the money", "refused the card", "done nothing yet"]
WRONG = "WRONG"


class Kill(msgspec.Struct, frozen=True):
    """Unanswered charges by order, each with what the provider had done; `uncertain` of them had been sent before and
    had lost their answer; `refunds` were unanswered besides. `lived`: the orders accepted before and not at their end,
    those first whose money was already taken."""

    at_ms: int
    charges: dict[str, Done]
    uncertain: int
    refunds: int
    lived: tuple[str, ...]


class Fate(msgspec.Struct, frozen=True, rename="camel"):
    """What became of some charges of one kind."""

    provider_had: Done
    became: str
    orders: int

    @property
    def wrong(self) -> bool:
        """Whether this must not be."""
        return self.became.startswith(WRONG)


async def look(directory: Path, ledger: Ledger, at_ms: int, waiting: list[str]) -> Kill:
    """Right after the kill; `waiting` are the orders that customers knew to be under way. Raises DirectoryError."""
    accounts = await ledger.accounts()
    effects = await read_unanswered(directory)
    charges = [effect for effect in effects if effect.operation == "charge"]
    done = {effect.entity: _done(accounts.get(effect.entity)) for effect in charges}
    return Kill(
        at_ms,
        done,
        sum(effect.state == "uncertain" for effect in charges),
        sum(effect.operation == "refund" for effect in effects),
        tuple(sorted(waiting, key=lambda order: done.get(order) != "taken the money")),
    )


def fates(kill: Kill, ours: dict[str, OurAccount], theirs: dict[str, Account]) -> tuple[Fate, ...]:
    """At the end, the most frequent first within each kind."""
    counts = Counter(
        (done, became(ours.get(order, OurAccount()), theirs.get(order, Account())))
        for order, done in kill.charges.items()
    )
    return tuple(
        Fate(kind, what, orders) for kind in KINDS for (done, what), orders in counts.most_common() if done == kind
    )


def became(ours: OurAccount, theirs: Account) -> str:
    """How one order ended, in a few words."""
    kept = theirs.captured - theirs.refunded
    match (ours.status, theirs.charges):
        case ("CONFIRMED", 1) if kept == ours.amount:
            return "charged once, order confirmed"
        case ("CANCELLED", 0):
            return f"not charged, order cancelled ({reason_text(ours.reason)})"
        case ("CANCELLED", 1) if kept == 0:
            return f"charged once and refunded, order cancelled ({reason_text(ours.reason)})"
    return f"{WRONG}: charged {theirs.charges} times, {kept} kept of {ours.amount}, order {ours.status}"


def reason_text(reason: str) -> str:
    """A reason of a cancellation, for people."""
    return REASONS.get(reason, reason.lower().replace("_", " "))


KINDS: tuple[Done, ...] = ("taken the money", "refused the card", "done nothing yet")
REASONS = {"REQUESTED": "by the customer", "PAYMENT_REFUSED": "card refused", "OUT_OF_STOCK": "out of stock"}


def _done(account: Account | None) -> Done:
    if account is None:
        return "done nothing yet"
    return "taken the money" if account.charges else "refused the card"
