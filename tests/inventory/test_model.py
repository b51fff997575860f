"""Stock against a small model: any interleaving of orders and clients; what is on the shelf is what the model says."""

from collections import Counter
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sagamore.actors.orders.facts import StockMoved
from sagamore.actors.orders.inventory import InventoryActor
from sagamore.actors.orders.stock import Stock, apply, stock_key
from sagamore.actors.orders.stock_errors import StockChanged, StockCommitted, StockUnknown
from sagamore.actors.orders.stock_messages import (
    AdjustStock,
    ProductQuantity,
    ReceiveStock,
    ReleaseStock,
    ReserveStock,
    ReturnStock,
    SetStock,
    ShipStock,
    StockRefused,
    StockReserved,
)
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.message import Message, State
from tests.inventory.kit import facts, take

PRODUCTS = ("cup", "mug", "pot")
ORDERS = ("ord_1", "ord_2", "ord_3", "ord_4")
quantities = st.integers(1, 6)
order_lines = st.lists(
    st.builds(ProductQuantity, st.sampled_from(PRODUCTS), quantities), min_size=1, max_size=4
).map(tuple)  # fmt: skip


class Shop(RuleBasedStateMachine):
    """The model: on_hand of each product, and of each order what it holds, has shipped and got back."""

    def __init__(self) -> None:
        super().__init__()
        self.entities: dict[str, Any] = {}
        self.ledger: list[StockMoved] = []
        self.on_hand: dict[str, int] = {}
        self.holds: dict[str, Counter[str]] = {}
        self.out: dict[str, Counter[str]] = {}
        self.wanted: dict[str, tuple[ProductQuantity, ...]] = {}
        self.answered: dict[str, str] = {}

    def take(self, message: Message) -> list[Message]:
        entities: dict[str, State] = self.entities
        result = take(InventoryActor(), message, entities)
        self.entities = result.entities
        self.ledger += facts(result, StockMoved)
        return result.sent()

    def available(self, product: str) -> int:
        return self.on_hand.get(product, -1) - sum(hold[product] for hold in self.holds.values())

    @rule(product=st.sampled_from(PRODUCTS), quantity=quantities)
    def receive(self, product: str, quantity: int) -> None:
        self.take(ReceiveStock(product, quantity, "delivery"))
        self.on_hand[product] = self.on_hand.get(product, 0) + quantity

    @rule(product=st.sampled_from(PRODUCTS), quantity=st.integers(-9, 9))
    def adjust(self, product: str, quantity: int) -> None:
        try:
            self.take(AdjustStock(product, quantity, "correction"))
        except StockUnknown:
            assert product not in self.on_hand
        except StockCommitted:
            assert self.available(product) + quantity < 0
        else:
            self.on_hand[product] += quantity

    @rule(product=st.sampled_from(PRODUCTS), on_hand=st.integers(0, 9), expected=st.integers(0, 9))
    def count(self, product: str, on_hand: int, expected: int) -> None:
        known = self.on_hand.get(product, 0)
        try:
            self.take(SetStock(product, on_hand, expected, "count"))
        except StockChanged:
            assert expected != known
        except StockCommitted:
            assert on_hand - known + self.available(product) < 0
        else:
            assert expected == known
            self.on_hand[product] = on_hand

    @rule(order=st.sampled_from(ORDERS), lines=order_lines)
    def reserve(self, order: str, lines: tuple[ProductQuantity, ...]) -> None:
        lines = self.wanted.setdefault(order, lines)
        wanted: Counter[str] = Counter()
        for line in lines:
            wanted[line.product_id] += line.quantity
        if self.answered.get(order) == "SHIPPED":
            return
        sent = self.take(ReserveStock(order, 0, lines, 0))
        if order not in self.answered:
            fits = all(quantity <= self.available(product) for product, quantity in wanted.items())
            self.answered[order] = "HELD" if fits else "REFUSED"
            if fits:
                self.holds[order] = wanted
        kinds = {"HELD": [StockReserved], "REFUSED": [StockRefused], "RELEASED": []}[self.answered[order]]
        assert [type(message) for message in sent] == kinds

    @rule(order=st.sampled_from(ORDERS), lines=order_lines)
    def release(self, order: str, lines: tuple[ProductQuantity, ...]) -> None:
        if self.answered.get(order) != "SHIPPED":
            self.take(ReleaseStock(order, 0, self.wanted.setdefault(order, lines)))
            self.holds.pop(order, None)
            self.answered[order] = "RELEASED"

    @rule(order=st.sampled_from(ORDERS))
    def ship(self, order: str) -> None:
        if self.answered.get(order) == "HELD":
            self.take(ShipStock(order, 0, self.wanted[order]))
            self.out[order] = self.holds.pop(order)
            for product, quantity in self.out[order].items():
                self.on_hand[product] -= quantity
            self.answered[order] = "SHIPPED"

    @rule(order=st.sampled_from(ORDERS), line=st.builds(ProductQuantity, st.sampled_from(PRODUCTS), quantities))
    def give_back(self, order: str, line: ProductQuantity) -> None:
        if self.answered.get(order) != "SHIPPED":
            return
        try:
            self.take(ReturnStock(order, "ret", 0, (line,), True))
        except Unlisted:
            assert line.quantity > self.out[order][line.product_id]
        else:
            self.out[order][line.product_id] -= line.quantity
            self.on_hand[line.product_id] += line.quantity

    @invariant()
    def stock_is_what_the_model_says_and_never_oversold(self) -> None:
        for product in PRODUCTS:
            stock = self.entities.get(stock_key(product))
            assert (stock is None) == (product not in self.on_hand)
            if stock is not None:
                assert stock.on_hand == self.on_hand[product]
                assert stock.available == self.available(product) >= 0

    @invariant()
    def the_ledger_alone_makes_the_stock(self) -> None:
        replayed: dict[str, Stock] = {}
        for row in self.ledger:
            replayed[row.product_id] = apply(replayed.get(row.product_id), row)
        stored = {key: state for key, state in self.entities.items() if isinstance(state, Stock)}
        assert {stock_key(product): stock for product, stock in replayed.items()} == stored


TestShop = Shop.TestCase
TestShop.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
