"""From rows to what is to be done, in the order of the file; made once, then played as often as one likes.

    row of an invoice                            becomes
    product, quantity and price above 0          a line of the invoice's order
    product, price 0 or quantity below 0         an adjustment of stock by that quantity
    any other code, as POST, D, M, BANK CHARGES  a charge of the invoice's order; without goods there is no order
    row of a cancellation (C…)
    product                                      goods of the customer's newest orders that still have it; what none has
                                                 was sold before the file: stock in, no refund
    any other code                               money back on the customer's newest order

A cancellation that takes back all of an order cancels it. One that takes back a part means that the order had left, for
an order cannot lose a line: it is shipped, and the part returned to the shelf and refunded. An invoice with a broken
line is left out whole: an order without one of its lines is another order.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import TypeAlias

import msgspec

from sagamore.actors.checks import QUANTITY_MAX
from sagamore.actors.money import Money
from sagamore.actors.orders.door import Charge, Line, place_order
from sagamore.engine.errors import InvalidInput
from sagamore.replay.report import ChargeTotal, FileReport
from sagamore.replay.rows import CURRENCY, AnyRow, Broken, Row

PAYMENT_METHOD = "pm_card"


class Sale(msgspec.Struct):
    """An order to be placed. `rows` is how many lines of the file it stands for; a guest has no customer."""

    invoice: str
    customer: str
    at: datetime
    lines: tuple[Line, ...]
    charges: tuple[Charge, ...]
    rows: int
    is_cancelled: bool = False
    """Whether a cancellation further on is for it."""
    left: Counter[str] = msgspec.field(default_factory=Counter)
    """While planning: what no cancellation has taken back yet."""

    @property
    def ordered(self) -> Counter[str]:
        """The sum of each product."""
        quantities: Counter[str] = Counter()
        for line in self.lines:
            quantities[line.product_id] += line.quantity
        return quantities

    def user_id(self, suffix: str) -> str:
        """The customer, or for a guest one for each invoice."""
        return self.customer or f"guest-{self.invoice}{suffix}"


class Cancellation(msgspec.Struct, frozen=True):
    """All of a sale if `whole`, else these goods and this much money (minor units) of it."""

    invoice: str
    sale: int
    """The step that places it."""
    whole: bool
    goods: dict[str, int]
    amount: int
    rows: int


class Adjustment(msgspec.Struct, frozen=True):
    """Stock in or out that is no sale; `returned` for goods that were sold before the file."""

    invoice: str
    line: int
    product: str
    quantity: int
    returned: bool
    rows: int = 1


Step: TypeAlias = Sale | Cancellation | Adjustment


class Plan(msgspec.Struct):
    """`demand` is what all sales of one pass want of each product; every product of the file is in it."""

    steps: list[Step]
    demand: Counter[str]
    file: FileReport


def make_plan(rows: Iterable[AnyRow]) -> Plan:
    """Group the rows by invoice, and say what becomes of each."""
    planner = _Planner()
    invoices: dict[str, list[Row]] = {}
    broken: set[str] = set()
    for row in rows:
        planner.file.lines += 1
        if isinstance(row, Broken):
            planner.file.broken.add(str(row))
            broken.add(row.invoice)
        else:
            invoices.setdefault(row.invoice, []).append(row)
    for invoice, found in invoices.items():
        if invoice in broken:
            planner.file.left_out.add(f"{invoice} has a broken line")
        elif found[0].cancels:
            planner.cancel(invoice, found)
        else:
            planner.sell(invoice, found)
    planner.file.products = len(planner.demand)
    return Plan(planner.steps, planner.demand, planner.file)


class _Planner:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.demand: Counter[str] = Counter()
        self.file = FileReport()
        self._orders: dict[str, list[int]] = {}
        """By customer, the steps that place an order, oldest first."""
        self._buyers: dict[tuple[str, str], list[int]] = {}
        """The same by customer and product."""
        self._lines: dict[tuple[str, int, int], Line] = {}
        """Lines repeat: one object each."""

    def sell(self, invoice: str, rows: list[Row]) -> None:
        """An order of its lines and charges; its adjustments go first."""
        lines, charges = [], []
        for row in rows:
            if not row.is_product:
                charges.append(row)
            elif row.quantity > 0 and row.price.minor > 0:
                lines.append(row)
            else:
                self.demand[row.code] += 0
                self.steps.append(Adjustment(invoice, row.line, row.code, row.quantity, returned=False))
        if lines:
            self._place(invoice, rows[0], lines, charges)
        elif charges:
            total = Money.of_minor(sum(row.amount for row in charges), CURRENCY)
            self.file.charges_without_goods.add(f"{invoice} {', '.join(row.code for row in charges)} {total}")

    def _place(self, invoice: str, first: Row, lines: list[Row], charges: list[Row]) -> None:
        sale = Sale(
            invoice, first.customer, first.at, tuple(map(self._line, lines)), tuple(map(_charge, charges)),
            len(lines) + len(charges),
        )  # fmt: skip
        try:
            place_order(
                "", user_id=sale.user_id(""), lines=sale.lines, charges=sale.charges, placed_at=sale.at,
                payment_method=PAYMENT_METHOD,
            )  # fmt: skip
        except InvalidInput as error:
            self.file.left_out.add(f"{invoice}: {error}")
            return
        for row in charges:
            total = self.file.charges.setdefault(row.code, ChargeTotal())
            total.rows += 1
            total.amount += row.amount
        sale.left = sale.ordered
        self.demand.update(sale.left)
        self.file.sales += 1
        self.file.sale_lines += len(lines)
        if sale.customer:
            self._orders.setdefault(sale.customer, []).append(len(self.steps))
            for product in sale.left:
                self._buyers.setdefault((sale.customer, product), []).append(len(self.steps))
        self.steps.append(sale)

    def cancel(self, invoice: str, rows: list[Row]) -> None:
        """What it takes back of which order, and what of sales before the file."""
        goods: dict[int, Counter[str]] = {}
        amounts: Counter[int] = Counter()
        counted: Counter[int] = Counter()
        for row in rows:
            if not row.is_product:
                self._give_back(invoice, row, amounts, counted)
                continue
            self.demand[row.code] += 0
            wanted = -row.quantity
            for step in reversed(self._buyers.get((row.customer, row.code), ())):
                sale = self._sale(step)
                taken = min(wanted, sale.left[row.code])
                if taken:
                    sale.left[row.code] -= taken
                    goods.setdefault(step, Counter())[row.code] += taken
                    amounts[step] += taken * row.price.minor
                    counted[step] += wanted == -row.quantity  # a row counts once
                    wanted -= taken
            if wanted:
                self.steps.append(
                    Adjustment(invoice, row.line, row.code, wanted, True, rows=int(wanted == -row.quantity))
                )
        for step in sorted(goods.keys() | amounts.keys()):
            sale, taken_back = self._sale(step), goods.get(step, Counter())
            sale.is_cancelled = True
            whole = taken_back == sale.ordered
            self.steps.append(Cancellation(invoice, step, whole, dict(taken_back), amounts[step], counted[step]))

    def _give_back(self, invoice: str, row: Row, amounts: Counter[int], counted: Counter[int]) -> None:
        orders = self._orders.get(row.customer, [])
        if row.amount >= 0 or not orders:
            credit = Money.of_minor(-row.amount, CURRENCY)
            self.file.credits_before_file.add(f"{invoice} {row.code} {credit}")
            return
        amounts[orders[-1]] -= row.amount
        counted[orders[-1]] += 1

    def _sale(self, step: int) -> Sale:
        sale = self.steps[step]
        assert isinstance(sale, Sale)
        return sale

    def _line(self, row: Row) -> Line:
        key = (row.code, row.quantity, row.price.minor)
        return self._lines.setdefault(key, Line(row.code, row.quantity, row.price))


def _charge(row: Row) -> Charge:
    return Charge(row.code, Money.of_minor(row.amount, CURRENCY))


def opening_stock(plan: Plan, share: Decimal | int, passes: int) -> dict[str, int]:
    """That share of what each product's sales want in all passes, rounded up; at most what one delivery may bring."""
    return {product: min(ceil(wanted * passes * share), QUANTITY_MAX) for product, wanted in plan.demand.items()}
