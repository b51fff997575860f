"""The verdict on a directory after its last life: the clients' ledger, the files, and the provider's own books.

nothing accepted is lost     each order, refund and step that a client was told of is there, and no other
one net charge               the provider finds no violation; its net of each order is ours, and the order's
nothing is held or open      stock adds up, no hold outlives its order, no authorisation stays
every order ends             and the audit's laws hold
"""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sagamore import Order, Payment, Stock
from sagamore.actors.orders.hold import Hold
from sagamore.actors.orders.stock import stock_key
from sagamore.audit import audit
from sagamore.engine.message import Codec, State
from sagamore.files import Files
from tests.torture.ledger import ClientLedger

_decode = Codec((Order, Payment, Hold, Stock)).decode


def judge(directory: Path, twin: str) -> tuple[dict[str, int], list[str]]:
    """Numbers, and what is wrong."""
    ledger = ClientLedger(directory / "clients.jsonl")
    ledger.close()
    return asyncio.run(_judge(directory, ledger, twin))


async def _judge(directory: Path, ledger: ClientLedger, twin: str) -> tuple[dict[str, int], list[str]]:
    files = Files(directory / "shop")
    try:
        orders = {order.id: order for order in await _states(files, "orders", "ord_")}
        payments = {payment.order_id: payment for payment in await _states(files, "payments", "ord_")}
        holds = await _states(files, "inventory", "hold:")
        stocks = await _states(files, "inventory", stock_key(""))
        laws = await audit(files)
    finally:
        await files.close()
    books = _get(f"{twin}/v1/ledger?details=1")["references"]
    wrong = [*ledger.breaches, *(f"audit: {law}" for law in laws if not law.ok)]
    wrong += [f"the provider says: {found}" for found in _get(f"{twin}/v1/ledger/violations")["violations"]]
    wrong += _lost(ledger, orders)
    wrong += [line for order in orders.values() for line in _money(order, payments.get(order.id), books.get(order.id))]
    wrong += [f"the provider knows {name}, we do not" for name in books.keys() - orders.keys()]
    wrong += _stock(orders, holds, stocks)
    states = [order.state for order in orders.values()]
    statistics = _get(f"{twin}/v1/statistics")
    numbers = {
        "orders": len(orders), "confirmed": states.count("CONFIRMED"), "cancelled": states.count("CANCELLED"),
        "refunds": sum(len(order.refunds) for order in orders.values()),
        "answers_lost": statistics["faults"].get("lost_answer", 0), "replayed_answers": statistics["replays"],
        "conflicts": statistics["conflicts"],
    }  # fmt: skip
    return numbers, wrong


def _lost(ledger: ClientLedger, orders: dict[str, Order]) -> Iterator[str]:
    for n, order_id in ledger.placed.items():
        order = orders.get(order_id)
        if order is None:
            yield f"order {n}, accepted as {order_id}, is lost"
            continue
        if order.reference != f"{n}":
            yield f"order {n} was accepted as {order_id}, which is order {order.reference}"
        steps = ledger.steps.get(n, {})
        told = {step["refund"] for step in steps.values() if "refund" in step}
        if lost := told - {refund.id for refund in order.refunds}:
            yield f"order {n}: accepted refunds {sorted(lost)} are lost"
        if order.status != "CANCELLED" and {"cancel", "cancel 2"} & steps.keys():
            yield f"order {n} was cancelled, and is {order.state}"
        if "ship" in steps and not order.shipped_at_ms:
            yield f"order {n} was shipped, and is not"
    references = [order.reference for order in orders.values()]
    if len(set(references)) < len(references):
        yield f"{len(references)} orders under {len(set(references))} numbers"
    if left := ledger.begun.keys() - ledger.ended:
        yield f"{len(left)} orders never came to their end: {sorted(left)[:10]}"


def _money(order: Order, payment: Payment | None, theirs: dict[str, Any] | None) -> Iterator[str]:
    name = f"order {order.reference} ({order.id}, {order.state})"
    net = theirs["net"] if theirs else 0
    if net != (payment.net if payment else 0):
        yield f"{name}: our books say {payment.net if payment else 0}, the provider {net}"
    if order.state not in ("CONFIRMED", "CANCELLED"):
        yield f"{name} never ended"
    if order.state == "CONFIRMED" and net != order.amount - order.refunded:
        yield f"{name}: {order.amount} less {order.refunded} should be paid, {net} is"
    if order.state == "CANCELLED" and net:
        yield f"{name}: {net} was not given back"
    if theirs and theirs["live_authorisations"]:
        yield f"{name}: {theirs['live_authorisations']} authorisations stay open"


def _stock(orders: dict[str, Order], holds: list[Any], stocks: list[Any]) -> Iterator[str]:
    held: dict[str, int] = {}
    for hold in holds:
        for line in hold.lines if hold.state == "HELD" else ():
            held[line.product_id] = held.get(line.product_id, 0) + line.quantity
        order = orders[hold.order_id]
        if hold.state == "HELD" and (order.state != "CONFIRMED" or order.shipped_at_ms):
            yield f"order {order.reference} is {order.state} and still holds {hold.lines}"
        if hold.state == "SHIPPED" and not order.shipped_at_ms:
            yield f"order {order.reference} was not shipped, its stock was"
    for stock in stocks:
        if stock.reserved != held.get(stock.product_id, 0) or not 0 <= stock.reserved <= stock.on_hand:
            yield f"{stock}, of which {held.get(stock.product_id, 0)} are held"


async def _states(files: Files, kind: str, prefix: str) -> list[Any]:
    found: list[State] = []
    for reader in files.of(kind):
        before = None
        while page := await reader.entities_by_prefix(prefix, before, 1_000):
            found += [_decode(row.state) for row in page]
            before = page[-1].key
    return found


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)
