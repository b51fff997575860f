"""`shop.payments`: the payments of orders, what the provider reports later, and the way out for what is parked."""

from typing import Literal

from sagamore.actors.orders.errors import UnknownOrder
from sagamore.actors.orders.messages import PaymentEvent, ResolvePayment
from sagamore.actors.orders.payment import Payment
from sagamore.actors.orders.text import check_text
from sagamore.doors.page import Page, read_page
from sagamore.engine.message import Codec
from sagamore.engine.runtime.engine import Engine
from sagamore.files import Files

_codec = Codec((Payment,))


class Payments:
    """Payments are known by their order's id."""

    def __init__(self, engine: Engine, files: Files) -> None:
        self._engine, self._files = engine, files

    async def get(self, order_id: str) -> Payment:
        """The payment of an order. Raises UnknownOrder if there is none."""
        found = await self._engine.read("payments", check_text("order_id", order_id))
        if not isinstance(found, Payment):
            raise UnknownOrder(order_id)
        return found

    async def list(
        self, *, attention: Literal["", "UNKNOWN", "PARKED", "STUCK"] = "", limit: int = 50, cursor: str = ""
    ) -> Page[Payment]:
        """Payments, newest first: all, or those that need attention of one kind."""
        readers = self._files.of("payments")
        if attention:
            return await read_page(
                readers, _codec.decode, field="attention", value=attention, limit=limit, cursor=cursor
            )
        return await read_page(readers, _codec.decode, prefix="ord_", limit=limit, cursor=cursor)

    async def resolve(
        self,
        order_id: str,
        *,
        outcome: Literal["captured", "authorised", "refused", "voided", "refunded"],
        reference: str,
        by: str,
        amount: int = 0,
    ) -> Payment:
        """Say what the provider's own records show of a parked or STUCK payment; who and why is kept.
        `amount` (minor units) 0 means all that was asked for."""
        for field, text in (("order_id", order_id), ("reference", reference), ("by", by)):
            check_text(field, text)
        message = ResolvePayment(order_id, outcome, amount, reference, by)
        answer = await self._engine.ask("payments", message, scope="payments")
        assert isinstance(answer, Payment)
        return answer

    async def event(self, event: PaymentEvent) -> None:
        """News that the provider pushed (after the host has checked its signature); repeated or old news is ignored."""
        await self._engine.ask("payments", event, key=event.event_id, scope="payments.event")
