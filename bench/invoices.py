"""A made-up file in the Online Retail columns, for `replay` where the real one is not at hand; always the same one.

Its shape is that of the real file's first 511 invoices: most are sales of 23 lines on average (exponential: many of a
few, some of a hundred) out of 2,000 products of which some sell far better, one in eight by a guest; one in twelve is a
cancellation, of goods in the file or sold before it; as many correct stock at a price of 0; some sales carry postage,
a discount or a manual charge as if it were a product.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from random import Random

from sagamore.replay.rows import COLUMNS

SEED = 20101201
INVOICES = 500
LINES_MEAN = 23
LINES_MAX = 600
PRODUCTS = 2_000
CUSTOMERS = 320
QUANTITIES = (1, 1, 1, 2, 2, 3, 4, 6, 12, 24)
KINDS = ("sale", "cancellation", "correction")
WEIGHTS = (84, 8, 8)
ODD_CODES = {"POST": (1, "18.00"), "DOT": (1, "489.79"), "M": (1, "6.54"), "D": (-1, "1.50"), "C2": (1, "50.00")}
ODD_SHARE = 0.1

Cells = tuple[object, ...]


def write_invoices(path: Path) -> None:
    """Make the file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(Random(SEED)))


def _rows(random: Random) -> Iterator[Cells]:
    sold: list[tuple[str, str, int]] = []
    for n, kind in enumerate(random.choices(KINDS, WEIGHTS, k=INVOICES)):
        invoice, customer = str(536365 + n), f"{random.randrange(12_000, 12_000 + CUSTOMERS)}.0"
        if kind == "sale":
            customer = "" if random.random() < 1 / 8 else customer
            for _ in range(min(LINES_MAX, 1 + int(random.expovariate(1 / (LINES_MEAN - 1))))):
                code, quantity = _code(random), random.choice(QUANTITIES)
                sold.append((code, customer, quantity))
                yield _row(invoice, code, quantity, f"{random.randrange(10, 1_000) / 100:.2f}", customer)
            if random.random() < ODD_SHARE:
                code = random.choice(list(ODD_CODES))
                yield _row(invoice, code, *ODD_CODES[code], customer)
        elif kind == "cancellation" and sold and random.random() < 0.5:
            code, customer, quantity = random.choice(sold)
            yield _row(f"C{invoice}", code, -quantity, "1.00", customer)
        elif kind == "cancellation":
            for _ in range(random.randint(1, 4)):
                yield _row(f"C{invoice}", _code(random), -random.choice(QUANTITIES), "1.00", customer)
        else:
            yield _row(invoice, _code(random), random.choice((-1, 1)) * random.choice(QUANTITIES), "0.00", "")


def _code(random: Random) -> str:
    return f"{20_000 + int(PRODUCTS * random.random() ** 2)}"


def _row(invoice: str, code: str, quantity: int, price: str, customer: str) -> Cells:
    return invoice, code, "A THING", quantity, "2010-12-01 08:26:00", price, customer, "United Kingdom"
