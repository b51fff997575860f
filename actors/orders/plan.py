"""Which inventory partitions own the lines of an order, and how much of which product each.

Derived, not stored: lines never change, and where a product lives is fixed when the directory is made.
"""

from collections.abc import Iterable, Mapping

from sagamore.actors.orders.order import Order
from sagamore.actors.orders.stock import stock_key
from sagamore.actors.orders.stock_messages import ProductQuantity
from sagamore.engine.turn import Turn


def plan_of(order: Order, turn: Turn) -> dict[int, tuple[ProductQuantity, ...]]:
    """Per inventory partition, ascending, the sum of each product ordered."""
    return split(order.ordered, turn)


def partitions_of(order: Order, turn: Turn) -> set[int]:
    """The inventory partitions of the plan."""
    return {turn.partition_of("inventory", stock_key(line.product_id)) for line in order.lines}


def split(quantities: Mapping[str, int], turn: Turn) -> dict[int, tuple[ProductQuantity, ...]]:
    """Quantities of products by the partitions that own these, ascending."""
    plan: dict[int, list[ProductQuantity]] = {}
    for product_id, quantity in quantities.items():
        partition = turn.partition_of("inventory", stock_key(product_id))
        plan.setdefault(partition, []).append(ProductQuantity(product_id, quantity))
    return {partition: tuple(plan[partition]) for partition in sorted(plan)}


def summed(lines: Iterable[ProductQuantity]) -> dict[str, int]:
    """The sum of each product; lines may name one twice."""
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.product_id] = sums.get(line.product_id, 0) + line.quantity
    return sums
