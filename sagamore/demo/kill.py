"""The kill: which charges and refunds had no answer then, what the provider had done about each, and what became of it.

What was unanswered is read from the files while nobody runs the shop; what the provider had done, from its ledger at
that moment; what became of it, from both at the end.
"""

from collections import Counter
from pathlib import Path
from typing import Literal, get_args

import msgspec

from sagamore.demo.accounts import OurAccount, read_unanswered
from sagamore.demo.ledger import Account, Ledger

Done = Literal[
    "taken the money", "refused the card", "done nothing yet", "given the money back", "not given it back yet"
]
WRONG = "WRONG"


class Kill(msgspec.Struct, frozen=True):
    """Unanswered charges and refunds by order, each with what the provider had done; `uncertain` charges had been sent
    before and had lost their answer. `lived`: the orders accepted before and not at their end, those first whose money
    was already taken."""

    at_ms: int
    charges: dict[str, Done]
    uncertain: int
    refunds: dict[str, Done]
    lived: tuple[str, ...]


class Fate(msgspec.Struct, frozen=True, rename="camel"):
    """What became of some charges, or refunds, of one kind."""

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
    done = {effect.entity: _charged(accounts.get(effect.entity)) for effect in charges}
    return Kill(
        at_ms,
        done,
        sum(effect.state == "uncertain" for effect in charges),
        {
            effect.entity: _refunded(accounts.get(effect.entity, Account()))
            for effect in effects
            if effect.operation == "refund"
        },
        tuple(sorted(waiting, key=lambda order: done.get(order) != "taken the money")),
    )


def fates(done: dict[str, Done], ours: dict[str, OurAccount], theirs: dict[str, Account]) -> tuple[Fate, ...]:
    """At the end, of the kill's charges or of its refunds; the most frequent first within each kind."""
    counts = Counter(
        (kind, became(ours.get(order, OurAccount()), theirs.get(order, Account()))) for order, kind in done.items()
    )
    return tuple(
        Fate(kind, what, orders) for kind in KINDS for (had, what), orders in counts.most_common() if had == kind
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


KINDS: tuple[Done, ...] = get_args(Done)
REASONS = {"REQUESTED": "by the customer", "PAYMENT_REFUSED": "card refused", "OUT_OF_STOCK": "out of stock"}


def _charged(account: Account | None) -> Done:
    if account is None:
        return "done nothing yet"
    return "taken the money" if account.charges else "refused the card"


def _refunded(account: Account) -> Done:
    return "given the money back" if account.refunded else "not given it back yet"
