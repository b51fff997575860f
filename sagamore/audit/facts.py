"""The facts in histories that move stock or money, summed up by order."""

from collections.abc import Iterator

import msgspec

from sagamore.actors.orders.facts import MoneyMoved, StockMoved
from sagamore.engine.message import Codec
from sagamore.engine.ports import HistoryRow

_decode_stock = Codec((StockMoved,)).decode
_decode_money = Codec((MoneyMoved,)).decode


class Money(msgspec.Struct):
    """What the ledger of one payment adds up to; `broken` names a row that does not follow from those before it."""

    captured: int = 0
    refunded: int = 0
    broken: str = ""

    def add(self, moved: MoneyMoved) -> None:
        """The next row."""
        match moved.kind:
            case "captured":
                self.captured += moved.amount
            case "refunded":
                self.refunded += moved.amount
            case "refund_failed":
                self.refunded -= moved.amount
        if (self.captured, self.refunded) != (moved.captured, moved.refunded) and not self.broken:
            self.broken = f"{moved} does not follow: {self.captured} captured, {self.refunded} refunded"


class Moves(msgspec.Struct):
    """What the stock ledger says of one order in one partition: by product what it reserves now and what has shipped.
    Products at zero are left out."""

    reserved: dict[str, int] = {}
    shipped: dict[str, int] = {}

    def add(self, product: str, reserved: int, shipped: int) -> None:
        """Changes of one product."""
        for sums, change in ((self.reserved, reserved), (self.shipped, shipped)):
            total = sums.get(product, 0) + change
            if total:
                sums[product] = total
            else:
                sums.pop(product, None)


def shipped_by(moved: StockMoved) -> int:
    """How many have left with it."""
    return -moved.on_hand_change if moved.kind == "shipped" else 0


def stock_moved(row: HistoryRow) -> Iterator[StockMoved]:
    """The stock rows of a turn. Raises ValueError for one that cannot be read."""
    for note in row.notes:
        if bytes(note).startswith(b'{"type":"stock.moved/'):
            yield _decode_stock(note)


def money_moved(row: HistoryRow) -> Iterator[MoneyMoved]:
    """The money rows of a turn. Raises ValueError for one that cannot be read."""
    for note in row.notes:
        if bytes(note).startswith(b'{"type":"money.moved/'):
            yield _decode_money(note)
