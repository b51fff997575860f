"""The judge of the kill matrix: the end that a run came to, in words that do not depend on when it died, and the laws
that hold at any end: the bank's books against ours, stock, and nothing left under way.
"""

from typing import Any

from sagamore.actors.orders.hold import Hold
from sagamore.actors.orders.order import Order
from sagamore.actors.orders.payment import Payment
from sagamore.actors.orders.stock import Stock, stock_key
from sagamore.actors.orders.stock_messages import ProductQuantity
from sagamore.engine.message import Codec
from sagamore.storage.reader import Reader, readers
from tests.torture.world import World

_decode = Codec((Order, Payment, Hold, Stock)).decode


async def end_of(world: World) -> dict[str, Any]:
    """Each order's end, by the client's name of it, and what waits for a person."""
    end: dict[str, Any] = {}
    files = readers(world.path)
    names: dict[str, str] = {}
    try:
        for order in await _states(files, "orders", Order):
            names[order.id] = order.reference
            end[order.reference] = _order_end(order)
        for order in await _states(files, "payments", Payment):
            net = "at the provider", order.net
            end[names[order.order_id]]["payment"] = [*net, order.state, *sorted(_refunds(order))]
        for hold in await _states(files, "inventory", Hold):
            end[names[hold.order_id]].setdefault("holds", []).append(_hold_end(hold))
        for stock in await _states(files, "inventory", Stock):
            end[stock.product_id] = stock.on_hand, stock.reserved
        alerts = world.engine.alerts()
        end["alerts"] = sorted({(alert.name, names.get(alert.subject, "")) for alert in alerts})
    finally:
        for reader in files.values():
            await reader.close()
    return end


def _order_end(order: Order) -> dict[str, Any]:
    refunds = sorted((refund.amount, refund.status) for refund in order.refunds)
    end: dict[str, Any] = {
        "state": order.state,
        "settlement": order.settlement,
        "reason": order.reason,
        "refunds": refunds,
    }
    if order.status != "CANCELLED":  # what was taken and given back before a cancellation depends on the moment
        end |= {"payment seen": order.payment, "fulfilment": order.fulfilment}
    return end


def _refunds(payment: Payment) -> list[tuple[int, str]]:
    return [(refund.amount, refund.status) for refund in payment.refunds if not refund.closing]


def _hold_end(hold: Hold) -> tuple[str, tuple[ProductQuantity, ...]]:
    holds = hold.state in ("HELD", "SHIPPED")
    return (hold.state if holds else "nothing"), (hold.lines if holds else ())


async def check_books(world: World, products: list[str]) -> list[str]:
    """The laws, on a stopped directory; what breaks them."""
    files = readers(world.path)
    try:
        orders = await _states(files, "orders", Order)
        payments = {payment.order_id: payment for payment in await _states(files, "payments", Payment)}
        holds = await _states(files, "inventory", Hold)
        stocks = {stock.product_id: stock for stock in await _states(files, "inventory", Stock)}
        breaches = [f"{order_id} was charged twice" for order_id in world.bank.violations]
        for order in orders:
            breaches += _check_money(world, order, payments.get(order.id))
        breaches += _check_stock(stocks, holds, orders, products)
        for address, reader in files.items():
            breaches += await _check_rest(address, reader)
        return breaches
    finally:
        for reader in files.values():
            await reader.close()


def _check_money(world: World, order: Order, payment: Payment | None) -> list[str]:
    breaches = []
    ours, theirs = (payment.net if payment else 0), world.bank.net(order.id)
    if ours != theirs:
        breaches.append(f"{order.reference}: our books say {ours}, the bank {theirs}")
    if order.status == "PENDING":
        breaches.append(f"{order.reference} never ended: {order.state}")
    if order.status == "CONFIRMED" and theirs != order.amount - order.refunded:
        breaches.append(f"{order.reference} is confirmed, the bank has {theirs}, not {order.amount - order.refunded}")
    if order.settlement == "SETTLED" and theirs:
        breaches.append(f"{order.reference} is settled, and the bank has {theirs} of it")
    if order.settlement != "STUCK" and (still := world.bank.open_payments(order.id)):
        breaches.append(f"{order.reference} is {order.state}, and {still} are still open at the bank")
    return breaches


def _check_stock(stocks: dict[str, Stock], holds: list[Hold], orders: list[Order], products: list[str]) -> list[str]:
    breaches = []
    held = dict.fromkeys(products, 0)
    for hold in holds:
        for line in hold.lines if hold.state == "HELD" else ():
            held[line.product_id] += line.quantity
    standing = {order.id for order in orders if order.status == "CONFIRMED"}
    leaked = [hold.order_id for hold in holds if hold.state == "HELD" and hold.order_id not in standing]
    breaches += [f"{order_id} is over and holds stock" for order_id in leaked]
    for product in products:
        stock = stocks.get(product, Stock(product))
        if stock.reserved != held[product] or not 0 <= stock.reserved <= stock.on_hand:
            breaches.append(f"{stock} with {held[product]} held")
    return breaches


async def _check_rest(address: str, reader: Reader) -> list[str]:
    """At the end nothing waits: no timer of an order, no retry, no message, no effect."""
    counts = await reader.counts()
    left = {
        "timers": counts.timers, "retries": counts.retries, "effects": counts.effects_pending,
        "messages": counts.outbox_messages, "parked": counts.effects_parked,
    }  # fmt: skip
    return [f"{address}: {count} {name} left" for name, count in left.items() if count]


async def _states(files: dict[str, Reader], kind: str, type_: type[Any]) -> list[Any]:
    found: list[Any] = []
    prefix = stock_key("") if type_ is Stock else "hold:" if type_ is Hold else "ord_"
    for address, reader in files.items():
        before = None
        while address.startswith(f"{kind}/") and (page := await reader.entities_by_prefix(prefix, before, 1_000)):
            found += [_decode(row.state) for row in page]
            before = page[-1].key
    return found
