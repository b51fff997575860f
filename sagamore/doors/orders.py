"""`shop.orders`: place, pay, cancel, refund, ship; read, wait, watch, list; and the story of one order."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, get_args

from msgspec.structs import replace

from sagamore.actors.checks import check_choice, check_flag, check_span
from sagamore.actors.money import Money
from sagamore.actors.orders.aftersales import cancel_order, pay_order, refund_order, return_order, ship_order
from sagamore.actors.orders.door import Charge, Line, place_order
from sagamore.actors.orders.errors import OutOfStock, UnknownOrder, UnknownProduct
from sagamore.actors.orders.order import Order, OrderRef, Refund, Status
from sagamore.actors.orders.order_messages import DeliverOrder, OrderLine
from sagamore.actors.orders.orders import ClientMessage
from sagamore.actors.orders.stock import Stock, stock_key
from sagamore.actors.orders.stock_messages import Shortage
from sagamore.actors.text import check_key, check_text
from sagamore.doors.page import Page, read_page
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Codec, State
from sagamore.engine.runtime.engine import Engine
from sagamore.files import Files
from sagamore.story import Line as StoryLine
from sagamore.story import read_story

_codec = Codec((Order,))
SCOPE = "orders"  # of idempotency keys: one key is one command, whichever it is


class Orders:
    """Orders are known by their ids, `ord_…`. Every command may carry an `idempotency_key`: called again with it, it
    is answered with the order and does nothing."""

    def __init__(self, engine: Engine, files: Files) -> None:
        self._engine, self._files = engine, files

    # --- commands ---

    async def place(
        self,
        *,
        user_id: str,
        lines: Sequence[Line],
        charges: Sequence[Charge] = (),
        payment_method: str = "",
        amount: Money | None = None,
        reference: str = "",
        metadata: Mapping[str, str] | None = None,
        pay_by: datetime | None = None,
        placed_at: datetime | None = None,
        idempotency_key: str | None = None,
        check_stock: bool = True,
    ) -> Order:
        """Accept an order: when this returns, it is on disk and its saga is under way.

        amount: if given, must be the sum of lines and charges
        payment_method: the provider's token; without one the customer pays later, by `pay_by` (aware)
        placed_at: when it was placed where it comes from; by default now
        check_stock: refuse what visibly is not there; the reservation alone decides
        Raises InvalidInput, UnknownProduct, OutOfStock, PayByPassed, KeyReused, Overloaded, OutcomeUnknown.
        """
        check_flag("check_stock", check_stock)
        order_id = self._engine.mint("ord", "orders", SCOPE, check_key(idempotency_key))
        message = place_order(
            order_id, user_id=user_id, lines=lines, charges=charges, amount=amount, payment_method=payment_method,
            reference=reference, metadata=metadata, pay_by=pay_by, placed_at=placed_at,
        )  # fmt: skip
        try:
            await self._check_products(message.lines, check_stock=check_stock)
        except (UnknownProduct, OutOfStock):
            if idempotency_key is None or not await self._engine.kept("orders", message, SCOPE, idempotency_key):
                raise
        same = replace(message, order_id="")
        answer = await self._engine.ask("orders", message, key=idempotency_key, scope=SCOPE, same=same, checked=True)
        return await self.get(answer.order_id) if isinstance(answer, OrderRef) else _order(answer)

    async def pay(self, order_id: str, payment_method: str, *, idempotency_key: str | None = None) -> Order:
        """Pay, or pay again after a refusal. Raises IllegalTransition, UnknownOrder."""
        return await self._ask(pay_order(order_id, payment_method), idempotency_key)

    async def cancel(self, order_id: str, *, by: str = "", idempotency_key: str | None = None) -> Order:
        """Cancel and undo everything, in any state before shipping; `by` names the operator if it was not the
        customer. Answered at once, a charge in flight or not; `settlement` says when nothing of it is left."""
        reason: Literal["OPERATOR", "REQUESTED"] = "OPERATOR" if by else "REQUESTED"
        return await self._ask(cancel_order(order_id, reason, by), idempotency_key)

    async def refund(self, order_id: str, amount: Money, *, reason: str, idempotency_key: str | None = None) -> Refund:
        """Give part of the money back; the goods stay. The refund's status follows in `order.refunds`.
        Raises IllegalTransition if it is more than is left."""
        message = refund_order(await self.get(order_id), amount, reason)
        answer = await self._engine.ask("orders", message, key=check_key(idempotency_key), scope=SCOPE)
        assert isinstance(answer, Refund)
        return answer

    async def ship(self, order_id: str, *, tracking: str = "", idempotency_key: str | None = None) -> Order:
        """All that was ordered leaves."""
        return await self._ask(ship_order(order_id, tracking), idempotency_key)

    async def deliver(self, order_id: str, *, idempotency_key: str | None = None) -> Order:
        """The goods arrived."""
        return await self._ask(DeliverOrder(order_id), idempotency_key)

    async def return_goods(
        self, order_id: str, goods: Mapping[str, int], *, amount: Money | None = None, restock: bool, reason: str = "",
        idempotency_key: str | None = None,
    ) -> Order:  # fmt: skip
        """Goods (product: quantity) came back; `amount` is refunded, `restock` puts them on the shelf."""
        order = await self.get(order_id)
        message = return_order(order, goods, amount=amount, restock=restock, reason=reason)
        return await self._ask(message, idempotency_key)

    # --- queries ---

    async def get(self, order_id: str) -> Order:
        """The order as last committed. Raises UnknownOrder."""
        found = await self._engine.read("orders", check_text("order_id", order_id))
        if not isinstance(found, Order):
            raise UnknownOrder(order_id)
        return found

    async def wait(self, order_id: str, *, settled: bool = False, timeout: timedelta) -> Order:
        """The order once it is no longer PENDING, or with `settled` once nothing of it is under way any more. `timeout`
        is at most 365 days. Raises UnknownOrder, TimeoutError."""
        check_text("order_id", order_id)
        check_flag("settled", settled)
        check_span("timeout", timeout)

        def reached(state: State | None) -> bool:
            return not isinstance(state, Order) or (
                state.status != "PENDING" and not (settled and state.settlement == "DUE")
            )

        found = await self._engine.until("orders", order_id, reached, int(timeout.total_seconds() * 1000))
        if not isinstance(found, Order):
            raise UnknownOrder(order_id)
        return found

    async def changes(self, order_id: str) -> AsyncIterator[Order]:
        """The order now, then each of its committed changes, live; a slow reader skips to the newest. Raises
        UnknownOrder."""
        with self._engine.watch("orders", check_text("order_id", order_id)) as watcher:
            order = await self.get(order_id)
            yield order
            while True:
                change = await watcher.next()
                if isinstance(change, Order) and change.version > order.version:
                    order = change
                    yield order

    async def list(
        self, *, user_id: str = "", status: Status | Literal[""] = "", reference: str = "", limit: int = 50,
        cursor: str = "",
    ) -> Page[Order]:  # fmt: skip
        """Orders, newest first: all, or those of one user, status or reference."""
        check_choice("status", status, get_args(Status), optional=True)
        wanted = {name: value for name, value in _filters(user_id, status, reference) if value != ""}
        if len(wanted) > 1:
            raise InvalidInput("filters", sorted(wanted), "one of user_id, status and reference at a time")
        field, value = next(iter(wanted.items()), ("", ""))
        readers = self._files.of("orders")
        return await read_page(
            readers, _codec.decode, field=field, value=value, prefix="ord_", limit=limit, cursor=cursor
        )

    async def by_reference(self, reference: str) -> Order:
        """The newest order with the host's own number. Raises UnknownOrder."""
        page = await self.list(reference=check_text("reference", reference), limit=1)
        if not page.items:
            raise UnknownOrder(reference, "order with the reference")
        return page.items[0]

    def story(self, order_id: str) -> AsyncIterator[StoryLine]:
        """Everything that happened to the order, in causal order, over all actors, attempts and restarts."""
        return read_story(self._files, check_text("order_id", order_id))

    # --- helpers ---

    async def _ask(self, message: ClientMessage, key: str | None) -> Order:
        check_text("order_id", message.order_id)
        answer = await self._engine.ask("orders", message, key=check_key(key), scope=SCOPE)
        return await self.get(answer.order_id) if isinstance(answer, OrderRef) else _order(answer)

    async def _check_products(self, lines: Iterable[OrderLine], *, check_stock: bool) -> None:
        wanted: dict[str, int] = {}
        for line in lines:
            wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
        shortages = []
        for product_id, quantity in wanted.items():
            stock = await self._engine.read("inventory", stock_key(product_id))
            if not isinstance(stock, Stock):
                raise UnknownProduct(product_id)
            if check_stock and stock.available < quantity:
                shortages.append(Shortage(product_id, quantity, stock.available))
        if shortages:
            raise OutOfStock(shortages)


def _filters(user_id: str, status: str, reference: str) -> tuple[tuple[str, str], ...]:
    return (("user_id", user_id), ("status", status), ("reference", reference))


def _order(answer: object) -> Order:
    assert isinstance(answer, Order)
    return answer
