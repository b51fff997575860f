"""The laws of stock: each product's ledger, replayed from nothing in the order of its turns, gives its stock.

A stock is read at some moment between two positions of its file, so the ledger must pass through what was read at a row
between them. On a directory at rest both positions are the last one, and the law is plain equality.
"""

from collections import Counter

import msgspec

from sagamore.actors.orders.facts import StockMoved
from sagamore.actors.orders.stock import Stock, apply, stock_key
from sagamore.audit.pages import AFTER_ALL, Pages, entities
from sagamore.audit.scratch import Scratch
from sagamore.audit.verdicts import Verdicts
from sagamore.engine.envelope import Address, kind_of
from sagamore.engine.message import Codec

_decode = Codec((Stock,)).decode

Moments = dict[Address, tuple[int, int]]
"""Per partition, the turn before its stocks were read and the turn after; rows of later turns are not judged."""


async def keep_stocks(pages: Pages, scratch: Scratch, verdicts: Verdicts) -> Moments:
    """Set all stocks aside, to be compared with the ledger when that is read."""
    moments: Moments = {}
    for address, reader in pages.readers.items():
        if kind_of(address) != "inventory":
            continue
        before = await reader.turn()
        async for row in entities(reader, stock_key(""), AFTER_ALL):
            try:
                stock: Stock = _decode(row.state)
            except (ValueError, msgspec.MsgspecError) as error:
                verdicts.readable.breach(f"{row.key}: {error}")
                continue
            await scratch.add("stock", (address, stock.product_id, stock.on_hand, stock.reserved))
            _check_bounds(stock, verdicts)
        moments[address] = (before, await reader.turn())
    return moments


def _check_bounds(stock: Stock, verdicts: Verdicts) -> None:
    check = verdicts.stock
    check.count("products")
    check.count("on_hand", stock.on_hand)
    check.count("reserved", stock.reserved)
    check.count("available", stock.available)
    if not 0 <= stock.reserved <= stock.on_hand:
        check.breach(f"{stock.product_id}: {stock.on_hand} on hand, {stock.reserved} reserved")


class _Replay:
    """One product."""

    def __init__(self, product: str, stored: Stock | None, moment: tuple[int, int]) -> None:
        self.product, self.stored = product, stored
        self.since, self.until = moment
        self.stock: Stock | None = None
        self.by_kind: Counter[str] = Counter()
        self.rows = 0
        self.wrong = ""
        self.agreed: Counter[str] | None = None
        """By kind, what had changed on_hand where the ledger gave what was read."""

    def take(self, turn: int, moved: StockMoved) -> None:
        """The next row."""
        if turn > self.until:
            return
        if turn > self.since:
            self._compare()
        try:
            self.stock = apply(self.stock, moved)
        except ValueError as error:
            self.wrong = self.wrong or f"turn {turn}: {error}"
            self.stock = Stock(moved.product_id, moved.on_hand, moved.reserved)
        self.rows += 1
        self.by_kind[moved.kind] += moved.on_hand_change

    def _compare(self) -> None:
        if self.stock == self.stored:
            self.agreed = self.by_kind.copy()

    def end(self, verdicts: Verdicts) -> None:
        """Hold it against the stock that was read."""
        self._compare()
        verdicts.ledger.count("products")
        verdicts.ledger.count("rows", self.rows)
        if self.wrong:
            verdicts.ledger.breach(f"{self.product}: {self.wrong}")
        elif self.agreed is None:
            verdicts.ledger.breach(f"{self.product}: its ledger gives {_say(self.stock)}, its file {_say(self.stored)}")
        kinds = self.by_kind if self.agreed is None else self.agreed
        for kind in ("received", "adjusted", "set", "shipped", "returned"):
            verdicts.on_hand.count(kind, _quantity(kind, kinds[kind]))
        on_hand = 0 if self.stored is None else self.stored.on_hand
        verdicts.on_hand.count("on_hand", on_hand)
        if on_hand != sum(kinds.values()) or kinds["reserved"] or kinds["released"]:
            by_kind = ", ".join(f"{kind} {_quantity(kind, change)}" for kind, change in sorted(kinds.items()) if change)
            verdicts.on_hand.breach(f"{self.product}: {on_hand} on hand, but {by_kind or 'no ledger'}")


def _quantity(kind: str, on_hand_change: int) -> int:
    """As the law has it, which subtracts what was shipped."""
    return -on_hand_change if kind == "shipped" else on_hand_change


def _say(stock: Stock | None) -> str:
    return "nothing" if stock is None else f"{stock.on_hand} on hand, {stock.reserved} reserved"


async def check_ledger(scratch: Scratch, moments: Moments, verdicts: Verdicts) -> None:
    """Replay every product's ledger. All histories have been read."""
    for address, moment in moments.items():
        stocks = scratch.rows(
            "stock", "SELECT product, on_hand, reserved FROM stock WHERE partition = ? ORDER BY product", (address,)
        )
        rows = scratch.rows(
            "goods",
            "SELECT product, turn, kind, on_hand_change, reserved_change, on_hand, reserved FROM goods"
            " WHERE partition = ? ORDER BY product, turn, n",
            (address,),
        )
        stock, row = await anext(stocks, None), await anext(rows, None)
        while stock is not None or row is not None:
            product = min(each[0] for each in (stock, row) if each is not None)
            stored = None
            if stock is not None and stock[0] == product:
                stored = Stock(*stock)
                stock = await anext(stocks, None)
            replay = _Replay(product, stored, moment)
            while row is not None and row[0] == product:
                replay.take(row[1], StockMoved(product, *row[2:]))
                row = await anext(rows, None)
            replay.end(verdicts)
