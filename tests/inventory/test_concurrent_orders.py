"""One product, a hundred of it, a thousand orders: exactly a hundred get one, and all come back."""

import random
from typing import Any

from sagamore.actors.orders.inventory import InventoryActor
from sagamore.actors.orders.stock import Stock, stock_key
from sagamore.actors.orders.stock_messages import ProductQuantity, ReleaseStock, ReserveStock, StockReserved
from tests.inventory.kit import take


def test_a_hundred_mugs_for_a_thousand_orders_go_to_exactly_a_hundred_and_all_come_back() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    orders = [f"ord_{n}" for n in range(1000)]
    random.Random(seed).shuffle(orders)
    stock: Any = Stock("mug", 100)
    holds: dict[str, Any] = {}
    got_one = 0
    for order in orders:
        message = ReserveStock(order, 0, (ProductQuantity("mug", 1),), 0)
        result = take(InventoryActor(), message, {stock_key("mug"): stock})
        stock, holds[order] = result.entities[stock_key("mug")], result.state
        got_one += result.sent() == [StockReserved(order, 0)]
    assert (got_one, stock.available) == (100, 0)
    for order, hold in holds.items():
        release = ReleaseStock(order, 0, (ProductQuantity("mug", 1),))
        entities = {stock_key("mug"): stock, f"hold:{order}": hold}
        stock = take(InventoryActor(), release, entities).entities[stock_key("mug")]
    assert stock == Stock("mug", 100, 0)
