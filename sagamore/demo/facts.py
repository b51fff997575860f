"""What a demo found out: what `--json` prints, and what the summary is told from."""

from collections.abc import Sequence

import msgspec

from sagamore.audit import Law
from sagamore.demo.books import Books
from sagamore.demo.kill import Fate
from sagamore.demo.messages import Messages


class Orders(msgspec.Struct, frozen=True, rename="camel"):
    """How they ended, from the files. `sold_out`: customers turned away at the door, no order made."""

    placed: int
    confirmed: int
    cancelled: dict[str, int]
    sold_out: int


class Killed(msgspec.Struct, frozen=True, rename="camel"):
    """The kill. `unanswered_charges` and `unanswered_refunds` are those without an answer on disk, `became` and
    `refunds_became` what came of them; `uncertain` of the charges had been sent before and had lost their answer;
    `down_ms` until the shop took orders again."""

    unanswered_charges: int
    uncertain: int
    unanswered_refunds: int
    became: tuple[Fate, ...]
    refunds_became: tuple[Fate, ...]
    down_ms: int


class Story(msgspec.Struct, frozen=True):
    """One order that lived through the kill."""

    order: str
    lines: tuple[str, ...]


class Facts(msgspec.Struct, frozen=True, rename="camel"):
    """All of it. `faults`: what the provider did wrong on purpose."""

    ok: bool
    directory: str
    seed: int
    orders: Orders
    kill: Killed
    faults: dict[str, int]
    books: Books
    messages: Messages
    story: Story | None
    audit: tuple[Law, ...]
    next: tuple[str, ...]


def all_well(books: Books, messages: Messages, laws: Sequence[Law], fates: Sequence[Fate]) -> bool:
    """Whether books, messages, audit and the fates of what was unanswered agree."""
    return books.ok and not messages.wrong and all(law.ok for law in laws) and not any(fate.wrong for fate in fates)
