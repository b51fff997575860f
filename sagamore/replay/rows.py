"""A CSV file in the columns of the Online Retail data set (doi:10.24432/C5BW33), row by row.

    InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
    536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom

Prices are in pounds, times are those of the shop's clock in London, a customer's number may be written as a float.
Stock codes are compared without case, so they are upper case from here on. A row that cannot be read is told with its
line and what would be right, and passed over.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from sagamore.actors.checks import QUANTITY_MAX
from sagamore.actors.money import Money
from sagamore.actors.text import check_text
from sagamore.engine.errors import InvalidInput

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
CURRENCY = "GBP"
ZONE = ZoneInfo("Europe/London")
DATES = (
    "%Y-%m-%d %H:%M:%S",
    "%m/%d/%Y %H:%M",
)  # the second is that of the other copies of this data set in circulation
AMOUNT_MAX = 10**12  # pence of one row: ten billion pounds; whatever a file adds up stays within 63 bits
INVOICE_CHARACTERS_MAX = 40  # leaves room for `/PASS` in a reference
SEEN_MAX = 10_000  # texts of a column, kept with what they are: nearly all of them come again
_PRODUCT = re.compile(r"[0-9]{5}[A-Z]*")
_WHOLE = re.compile(r"[+-]?[0-9]{1,12}")


class Row(msgspec.Struct, frozen=True):
    """One line of an invoice. `price` may be below 0 where `product` is False."""

    line: int
    invoice: str
    code: str
    quantity: int
    at: datetime
    price: Money
    customer: str

    @property
    def cancels(self) -> bool:
        """Whether it takes back goods sold earlier."""
        return self.invoice[0] == "C"

    @property
    def is_product(self) -> bool:
        """Five digits and perhaps letters, as 85123A; every other code is a charge, as POST, M or BANK CHARGES."""
        return _PRODUCT.fullmatch(self.code) is not None

    @property
    def amount(self) -> int:
        """Minor units, signed."""
        return self.quantity * self.price.minor


class Broken(msgspec.Struct, frozen=True):
    """A line that cannot be read; `invoice` is empty if not even that is known."""

    line: int
    invoice: str
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}"


AnyRow: TypeAlias = Row | Broken


def read_rows(file: Iterable[str]) -> Iterator[AnyRow]:
    """All rows. Raises InvalidInput if the first line does not name the columns."""
    reader = csv.reader(file)
    try:
        heading = next(reader, [])
    except csv.Error as error:
        raise InvalidInput("first line", str(error), "the names of columns") from error
    missing = [name for name in COLUMNS if name not in heading]
    if missing:
        raise InvalidInput("first line", ",".join(heading), f"a line that also names {', '.join(missing)}")
    places = {name: heading.index(name) for name in COLUMNS}
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Broken(line, "", str(error))
            continue
        if not cells:
            continue
        invoice = cells[places["InvoiceNo"]].strip().upper() if len(cells) > places["InvoiceNo"] else ""
        try:
            if len(cells) != len(heading):
                raise InvalidInput("row", f"{len(cells)} cells", f"{len(heading)}, as in the first line")
            yield _row(line, {name: cells[place].strip() for name, place in places.items()})
        except InvalidInput as error:
            yield Broken(line, invoice, str(error))


def _row(line: int, cell: dict[str, str]) -> Row:
    row = Row(
        line, _invoice(cell["InvoiceNo"].upper()), _code(cell["StockCode"].upper()), _quantity(cell["Quantity"]),
        _at(cell["InvoiceDate"]), _price(cell["UnitPrice"]), _customer(cell["CustomerID"].removesuffix(".0")),
    )  # fmt: skip
    if abs(row.amount) > AMOUNT_MAX:
        raise InvalidInput("UnitPrice", cell["UnitPrice"], f"times Quantity at most {AMOUNT_MAX:,} pence either way")
    if row.is_product and row.price.minor < 0:
        raise InvalidInput("UnitPrice", cell["UnitPrice"], "0 or more for a product")
    if row.cancels and row.quantity > 0:
        raise InvalidInput("Quantity", row.quantity, "less than 0 in a cancellation")
    return row


def _quantity(text: str) -> int:
    if not _WHOLE.fullmatch(text) or not 0 < abs(int(text)) <= QUANTITY_MAX:
        raise InvalidInput("Quantity", text, f"a whole number, not 0, at most {QUANTITY_MAX:,} either way")
    return int(text)


@lru_cache(SEEN_MAX)
def _invoice(text: str) -> str:
    return check_text("InvoiceNo", text, INVOICE_CHARACTERS_MAX, printable=True)


@lru_cache(SEEN_MAX)
def _code(text: str) -> str:
    return check_text("StockCode", text, INVOICE_CHARACTERS_MAX, product=True)


@lru_cache(SEEN_MAX)
def _customer(text: str) -> str:
    return check_text("CustomerID", text, optional=True)


@lru_cache(SEEN_MAX)
def _price(text: str) -> Money:
    try:
        return Money(text, CURRENCY)
    except InvalidInput as error:
        raise InvalidInput("UnitPrice", text, error.expected) from error


@lru_cache(SEEN_MAX)
def _at(text: str) -> datetime:
    for form in DATES:
        try:
            at = datetime.strptime(text, form).replace(tzinfo=ZONE)
        except ValueError:
            continue
        if at.year > 1970:
            return at
    raise InvalidInput("InvoiceDate", text, "a time after 1970, as 2010-12-01 08:26:00 or 12/1/2010 8:26")
