"""`shop.payments`: the payments of orders, what the provider reports later, and the way out for what is parked."""

from typing import Literal, get_args

from sagamore.actors.checks import check_choice, check_type, check_whole
from sagamore.actors.orders.errors import UnknownOrder
from sagamore.actors.orders.payment import Attention, Payment
from sagamore.actors.orders.payment_messages import PaymentEvent, PushedKind, Resolution, ResolvePayment
from sagamore.actors.text import check_text
from sagamore.doors.page import Page, read_page
from sagamore.engine.message import INTEGER_MAX, Codec
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
            raise UnknownOrder(order_id, "payment of order")
        return found

    async def list(
        self, *, attention: Attention | Literal[""] = "", limit: int = 50, cursor: str = ""
    ) -> Page[Payment]:
        """Payments, newest first: all, or those that need attention of one kind."""
        check_choice("attention", attention, get_args(Attention), optional=True)
        return await read_page(
            self._files.of("payments"), _codec.decode, prefix="ord_", field="attention" if attention else "",
            value=attention, limit=limit, cursor=cursor,
        )  # fmt: skip

    async def resolve(
        self,
        order_id: str,
        *,
        outcome: Resolution,
        reference: str,
        by: str,
        amount: int = 0,
    ) -> Payment:
        """Say what the provider's own records show of a parked or STUCK payment; who and why is kept.
        `amount` (minor units) 0 means all that was asked for."""
        for field, text in (("order_id", order_id), ("reference", reference), ("by", by)):
            check_text(field, text)
        check_choice("outcome", outcome, get_args(Resolution))
        check_whole("amount", amount, 0, INTEGER_MAX)
        message = ResolvePayment(order_id, outcome, amount, reference, by)
        answer = await self._engine.ask("payments", message, scope="payments")
        assert isinstance(answer, Payment)
        return answer

    async def event(self, event: PaymentEvent) -> None:
        """News that the provider pushed (after the host has checked its signature); repeated or old news is ignored."""
        _check_event(event)
        await self._engine.ask("payments", event, key=event.event_id, scope="payments.event")


def _check_event(event: PaymentEvent) -> None:
    check_type("event", event, PaymentEvent)
    check_text("event.order_id", event.order_id)
    check_text("event.event_id", event.event_id, provider=True, printable=True)
    check_choice("event.kind", event.kind, get_args(PushedKind))
    check_whole("event.amount", event.amount, 0, INTEGER_MAX)
    check_text("event.refund_id", event.refund_id, optional=True, provider=True)
    check_text("event.provider_id", event.provider_id, optional=True, provider=True)
    check_whole("event.attempt", event.attempt, 0, INTEGER_MAX)
