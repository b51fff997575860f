"""Our own books, from the shop's files alone: how each order ended, and what its payment took and gave back."""

from pathlib import Path

import msgspec

from sagamore.actors.orders.order import Order
from sagamore.actors.orders.payment import Payment
from sagamore.cli.reading import files_of
from sagamore.engine.effect import EffectRow
from sagamore.engine.message import Codec
from sagamore.storage.reader import PAGE_ROWS_MAX, Reader

_order, _payment = Codec((Order,)).decode, Codec((Payment,)).decode


class OurAccount(msgspec.Struct):
    """One order. Amounts are integer minor units."""

    status: str = "MISSING"
    reason: str = ""
    currency: str = ""
    amount: int = 0
    captured: int = 0
    refunded: int = 0


async def read_accounts(directory: Path) -> dict[str, OurAccount]:
    """By order; a payment without its order has the status MISSING. Raises DirectoryError."""
    accounts: dict[str, OurAccount] = {}
    async with files_of(directory) as files:
        for order in map(_order, await read_states(files.of("orders"), "ord_")):
            accounts[order.id] = OurAccount(order.status, order.reason, order.currency, order.amount)
        for payment in map(_payment, await read_states(files.of("payments"), "ord_")):
            account = accounts.setdefault(payment.order_id, OurAccount(currency=payment.currency))
            account.captured, account.refunded = payment.captured, payment.refunded
    return accounts


async def read_unanswered(directory: Path) -> list[EffectRow]:
    """The calls of the provider that have no answer on disk. Raises DirectoryError."""
    found: list[EffectRow] = []
    async with files_of(directory) as files:
        for reader in files.of("payments"):
            after = ("", -1, -1, "")
            while page := await reader.effects("pending", after, PAGE_ROWS_MAX):
                found += page
                after = (page[-1].provider, page[-1].lane, page[-1].due_ms, page[-1].id)
    return found


async def read_states(readers: list[Reader], prefix: str) -> list[bytes]:
    """Those whose keys begin so."""
    states: list[bytes] = []
    for reader in readers:
        before: str | None = None
        while rows := await reader.entities_by_prefix(prefix, before, PAGE_ROWS_MAX):
            states += (row.state for row in rows)
            before = rows[-1].key
    return states
