"""The summary of a demo, for people."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from sagamore.demo.books import Books, Totals
from sagamore.demo.facts import Facts
from sagamore.demo.kill import KINDS, Kill
from sagamore.demo.messages import Messages
from sagamore.demo.screen import Screen, cancelled_text

EXAMPLES_MAX = 5


def tell_kill(screen: Screen, kill: Kill, pid: int) -> None:
    """Right after the kill."""
    screen.say(f"Killed: process {pid} got SIGKILL in the middle of its work. Its files say what it was waiting for:")
    again = f"{_counted(kill.uncertain, 'charge')} {'was' if kill.uncertain == 1 else 'were'} being tried again"
    uncertain = f" ({again} after a lost answer)" if kill.uncertain else ""
    screen.say(f"  {_unanswered(len(kill.charges), len(kill.refunds))} without an answer{uncertain}.")
    counts = Counter([*kill.charges.values(), *kill.refunds.values()])
    if counts:
        done = ", ".join(f"for {counts[kind]} it had {kind}" for kind in KINDS if counts[kind])
        screen.say(f"  The provider's ledger, asked now: {done}.")


def tell(screen: Screen, facts: Facts) -> None:
    """Everything else."""
    orders, kill = facts.orders, facts.kill
    screen.heading("Orders")
    screen.say(
        f"  {orders.placed:,} placed: {orders.confirmed:,} confirmed, {cancelled_text(Counter(orders.cancelled))}."
    )
    if orders.sold_out:
        screen.say(f"  {_counted(orders.sold_out, 'customer')} turned away at the door, before paying: sold out.")
    unanswered = _unanswered(kill.unanswered_charges, kill.unanswered_refunds)
    screen.heading(f"What became of the {unanswered} without an answer at the kill")
    for fate in kill.became + kill.refunds_became:
        screen.say(f"  {fate.orders:5,}  provider had {fate.provider_had:<21}  now {fate.became}")
    _tell_books(screen, facts.books)
    _tell_messages(screen, facts.messages)
    faults = ", ".join(f"{text} {facts.faults.get(name, 0):,}" for name, text in FAULTS.items())
    screen.say(
        "  All this with a provider that misbehaves on purpose, counted by request, of which one may meet several:"
        f" {faults}."
    )
    _tell_story(screen, facts)
    screen.heading("Audit of the shop's files, a law a line")
    for law in facts.audit:
        for line in str(law).splitlines():
            screen.say(f"  {line}")
    screen.heading("Result")
    if facts.ok:
        screen.say(
            "  Books, ledger and audit agree: no order lost, no card charged twice, nothing sold twice, everybody told."
        )
    else:
        screen.say("  BOOKS OR AUDIT DISAGREE: see the lines above. Please report this, with the directory.")
    screen.heading("Try next")
    for command in facts.next:
        screen.paste(f"  {command}")


def _tell_books(screen: Screen, books: Books) -> None:
    screen.heading("Our books against the provider's ledger")
    screen.say(f"  {'':12} {'ours':>14} {'provider':>14}")
    for totals in books.totals:
        _tell_totals(screen, totals)
    differences = "no difference" if not books.differences else _counted(len(books.differences), "DIFFERENCE")
    screen.say(f"  {books.orders_compared:,} orders compared one by one: {differences}.")
    _tell_examples(screen, books.differences)
    screen.say(f"  Violations in the provider's ledger, such as a second charge for an order: {len(books.violations)}.")
    _tell_examples(screen, books.violations)
    broken = "all kept" if not books.broken_promises else f"{len(books.broken_promises):,} BROKEN"
    screen.say(f"  {books.orders_accepted:,} orders were accepted, and their customers told how they ended: {broken}.")
    _tell_examples(screen, books.broken_promises)


def _tell_messages(screen: Screen, messages: Messages) -> None:
    ends = ", ".join(f"{count:,} {end}" for end, count in sorted(messages.ended.items(), key=lambda item: -item[1]))
    screen.say(f"  {messages.deliveries:,} messages told customers of it: {ends}.")
    wrong = "none lost" if not messages.wrong else f"{len(messages.wrong):,} WRONG"
    screen.say(
        f"  {messages.arrived:,} of them arrived on phones, {wrong}; {f'{messages.copies:,} extra copies'} for the"
        f" {messages.uncertain:,} attempts without an answer."
    )
    _tell_examples(screen, messages.wrong)


def _tell_totals(screen: Screen, totals: Totals) -> None:
    for what, ours, theirs in (
        ("captured", totals.captured, totals.provider_captured),
        ("refunded", totals.refunded, totals.provider_refunded),
    ):
        same = "equal" if ours == theirs else "DIFFERENT"
        screen.say(f"  {totals.currency} {what:8} {Decimal(ours):>14,} {Decimal(theirs):>14,}  {same}")


def _tell_story(screen: Screen, facts: Facts) -> None:
    if facts.story is None:
        return
    screen.heading("The story of one order that lived through the kill, from the files alone")
    for line in facts.story.lines:
        screen.say(f"  {line}")


def _tell_examples(screen: Screen, examples: Sequence[str]) -> None:
    for example in examples[:EXAMPLES_MAX]:
        screen.say(f"    {example}")
    if len(examples) > EXAMPLES_MAX:
        screen.say(f"    and {len(examples) - EXAMPLES_MAX:,} more")


def _unanswered(charges: int, refunds: int) -> str:
    return _counted(charges, "charge") + (f" and {_counted(refunds, 'refund')}" if refunds else "")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


FAULTS = {
    "lost_answer": "answer lost",
    "refuse": "card refused",
    "error_before": "5xx before charging",
    "error_after": "5xx after charging",
    "slow": "slow",
}
