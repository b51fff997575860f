"""What became of a replay, in numbers: what the file holds, and what was done."""

from collections import Counter

import msgspec

from sagamore.actors.orders.money import Money
from sagamore.replay.rows import CURRENCY

NAMES_MAX = 20  # of each kind of thing; the count says how many there are


class Named(msgspec.Struct):
    """How many there are of something, and some of their names."""

    count: int = 0
    names: list[str] = []

    def add(self, name: str) -> None:
        """One more."""
        self.count += 1
        if len(self.names) < NAMES_MAX:
            self.names.append(name)

    def __str__(self) -> str:
        more = f", and {self.count - len(self.names):,} more" if self.count > len(self.names) else ""
        return f"{self.count:,}" + (f": {'; '.join(self.names)}{more}" if self.names else "")


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


def tell(report: Report) -> list[str]:
    """The report for people, a fact a line."""
    file = report.file
    charges = (
        f"{code} {total.rows} x {Money.of_minor(total.amount, CURRENCY)}"
        for code, total in sorted(file.charges.items())
    )
    cancelled = (f"{reason} {count:,}" for reason, count in sorted(report.cancelled.items()))
    facts: list[tuple[str, object]] = [
        (
            "the file",
            f"{file.lines:,} lines, {file.sales:,} sales of {file.sale_lines:,} lines, {file.products:,} products",
        ),
        ("charges", ", ".join(charges)),
        ("charges only", file.charges_without_goods),
        ("credits before", file.credits_before_file),
        ("broken", file.broken),
        ("left out", file.left_out),
        ("played", f"{report.lines:,} lines in {report.passes:,} passes"),
        ("orders", f"{report.placed:,} placed, {report.confirmed:,} confirmed, {report.cancelled.total():,} cancelled"),
        ("cancelled", ", ".join(cancelled)),
        ("still pending", report.pending),
        *((f"refused {code}", named) for code, named in sorted(report.refused.items())),
        ("cancellations", _cancellations(report)),
        ("not to cancel", report.nothing_to_cancel),
        ("stock", f"{report.returns_before_file:,} returns of earlier sales, {report.adjustments:,} adjustments"),
        ("overloaded", f"{report.waits:,} times, waited for" if report.waits else ""),
        ("speed", f"{report.lines_per_second:,.0f} lines/s, {report.seconds:.1f} s"),
    ]
    return [f"{name:<15} {fact}" for name, fact in facts if fact and not (isinstance(fact, Named) and not fact.count)]


def _cancellations(report: Report) -> str:
    return (
        f"{report.orders_cancelled:,} orders cancelled, {report.orders_returned:,} times part of one returned,"
        f" {report.credits:,} charges given back"
    )
