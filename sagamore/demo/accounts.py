"""Our own books, from the shop's files alone: how each order ended, and what its payment took and gave back."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from sagamore.actors.orders.order import Order
from sagamore.actors.orders.payment import Payment
from sagamore.engine.effect import EffectRow
from sagamore.engine.message import Codec
from sagamore.files import Files
from sagamore.storage.reader import PAGE_ROWS_MAX, Reader

_order, _payment = Codec((Order,)).decode, Codec((Payment,)).decode


class OurAccount(msgspec.Struct):
    """One order. Amounts are integer minor units."""

    status: str = "MISSING"
    reason: str = ""
    settlement: str = ""
    currency: str = ""
    amount: int = 0
    captured: int = 0
    refunded: int = 0


async def read_accounts(directory: Path) -> dict[str, OurAccount]:
    """By order; a payment without its order has the status MISSING. Raises DirectoryError."""
    accounts: dict[str, OurAccount] = {}
    files = Files(directory)
    try:
        for state in [state async for state in _states(files.of("orders"))]:
            order = _order(state)
            accounts[order.id] = OurAccount(order.status, order.reason, order.settlement, order.currency, order.amount)
        for state in [state async for state in _states(files.of("payments"))]:
            payment = _payment(state)
            account = accounts.setdefault(payment.order_id, OurAccount(currency=payment.currency))
            account.captured, account.refunded = payment.captured, payment.refunded
    finally:
        await files.close()
    return accounts


async def read_unanswered(directory: Path) -> list[EffectRow]:
    """The calls of the provider that have no answer on disk. Raises DirectoryError."""
    found: list[EffectRow] = []
    files = Files(directory)
    try:
        for reader in files.of("payments"):
            after = ("", -1, "")
            while page := await reader.effects("pending", after, PAGE_ROWS_MAX):
                found += page
                after = (page[-1].provider, page[-1].due_ms, page[-1].id)
    finally:
        await files.close()
    return found


async def _states(readers: list[Reader]) -> AsyncIterator[bytes]:
    for reader in readers:
        before: str | None = None
        while rows := await reader.entities_by_prefix("ord_", before, PAGE_ROWS_MAX):
            for row in rows:
                yield row.state
            before = rows[-1].key
