"""What became of a replay, in numbers: what the file holds, and what was done."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from sagamore.actors.money import Money
from sagamore.replay.rows import CURRENCY

NAMES_MAX = 20  # of each kind of thing; the count says how many there are
EXAMPLES_MAX = 5  # of them that people are told


class Named(msgspec.Struct):
    """How many there are of something, and some of their names."""

    count: int = 0
    names: list[str] = []

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        return f"{self.count:,}"

    def add(self, name: str) -> None:
        """One more."""
        self.count += 1
        if len(self.names) < NAMES_MAX:
            self.names.append(name)


class ChargeTotal(msgspec.Struct):
    """Rows of one odd code; `amount` in minor units, as in the file."""

    rows: int = 0
    amount: int = 0


class FileReport(msgspec.Struct, rename="camel"):
    """What one pass of the file is made of. Lines are those of the CSV, without the first."""

    lines: int = 0
    sales: int = 0
    sale_lines: int = 0
    products: int = 0
    charges: dict[str, ChargeTotal] = msgspec.field(default_factory=dict)
    """By code: everything sold that is no product."""
    charges_without_goods: Named = msgspec.field(default_factory=Named)
    """Invoices of charges only: no order can be made of them."""
    credits_before_file: Named = msgspec.field(default_factory=Named)
    """Cancellations of charges by customers who have no order in the file."""
    broken: Named = msgspec.field(default_factory=Named)
    left_out: Named = msgspec.field(default_factory=Named)
    """Invoices with a broken line, or that no order can be made of."""


class Report(msgspec.Struct, rename="camel"):
    """All of it. `lines` were played, over all passes, in `seconds`."""

    file: FileReport
    passes: int = 0
    lines: int = 0
    seconds: float = 0
    placed: int = 0
    confirmed: int = 0
    cancelled: Counter[str] = msgspec.field(default_factory=Counter)
    """By reason; those that the file cancels are REQUESTED."""
    pending: Named = msgspec.field(default_factory=Named)
    """Orders whose outcome was not known in time; the shop goes on with them."""
    refused: dict[str, Named] = msgspec.field(default_factory=dict)
    """By the code of the error: what the shop's doors did not take."""
    orders_cancelled: int = 0
    orders_returned: int = 0
    """Times that part of an order came back, with its money."""
    credits: int = 0
    """Times that money of a charge was given back."""
    nothing_to_cancel: Named = msgspec.field(default_factory=Named)
    """Cancellations of orders that were refused or cancelled before."""
    returns_before_file: int = 0
    adjustments: int = 0
    waits: int = 0
    """Times that the shop was overloaded, and was given the time it asked for."""

    @property
    def lines_per_second(self) -> float:
        """0 before anything was played."""
        return self.lines / self.seconds if self.seconds else 0.0

    def refuse(self, code: str, name: str) -> None:
        """Something that a door did not take."""
        self.refused.setdefault(code, Named()).add(name)


def tell_progress(report: Report) -> str:
    """How it goes, in a line of about 80 characters."""
    return (
        f"pass {report.passes:,}: {report.lines:,} lines, {report.placed:,} orders, {report.confirmed:,} confirmed,"
        f" {report.cancelled.total():,} cancelled, {report.lines_per_second:,.0f} lines/s"
    )


def tell(report: Report) -> list[str]:
    """The report for people: a fact a line, and under it some of what it counts."""
    file = report.file
    facts: list[tuple[str, object]] = [
        (
            "the file",
            f"{file.lines:,} lines, {file.sales:,} sales of {file.sale_lines:,} lines, {file.products:,} products",
        ),
        ("charges", ", ".join(_charges(file))),
        ("charges only", file.charges_without_goods),
        ("credits before", file.credits_before_file),
        ("broken", file.broken),
        ("left out", file.left_out),
        ("played", f"{report.lines:,} lines, passes begun: {report.passes:,}"),
        ("orders", f"{report.placed:,} placed, {report.confirmed:,} confirmed, {report.cancelled.total():,} cancelled"),
        ("cancelled", ", ".join(f"{count:,} {reason}" for reason, count in report.cancelled.most_common())),
        ("still pending", report.pending),
        *((f"refused {code.replace('_', ' ')}", named) for code, named in sorted(report.refused.items())),
        (
            "cancellations",
            f"of whole orders {report.orders_cancelled:,}, of parts {report.orders_returned:,},"
            f" of charges {report.credits:,}",
        ),
        ("not to cancel", report.nothing_to_cancel),
        ("stock", f"{report.returns_before_file:,} returns of earlier sales, {report.adjustments:,} adjustments"),
        ("overloaded", f"{report.waits:,} times, waited for" if report.waits else ""),
        ("speed", f"{report.lines_per_second:,.0f} lines/s, {report.seconds:.1f} s"),
    ]
    told = [(name, fact) for name, fact in facts if fact]
    width = max(len(name) for name, _ in told)
    return [line for name, fact in told for line in (f"{name:<{width}}  {fact}", *_examples(fact))]


def _examples(fact: object) -> Iterator[str]:
    if isinstance(fact, Named):
        yield from (f"  {name}" for name in fact.names[:EXAMPLES_MAX])
        if fact.count > EXAMPLES_MAX:
            yield f"  and {fact.count - EXAMPLES_MAX:,} more"


def _charges(file: FileReport) -> Iterator[str]:
    for code, total in sorted(file.charges.items()):
        yield f"{code} {total.rows:,} for {Money.of_minor(total.amount, CURRENCY)}"
