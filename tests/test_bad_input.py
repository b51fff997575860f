"""Bad input whose parts are right but not together, or not now: each is a named error that says what would be right,
and nothing is half-done: not one row of one file changes. Single arguments are in `test_bad_arguments`, directories and
CSV files in `test_bad_files`."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from sagamore import (
    Actor,
    IllegalTransition,
    InvalidInput,
    Line,
    Message,
    Money,
    Order,
    OutOfStock,
    PayByPassed,
    Sagamore,
    SagamoreError,
    SimulatedPayments,
    State,
    StockChanged,
    StockCommitted,
    StockUnknown,
    Turn,
    UnknownOrder,
    UnknownProduct,
)
from sagamore.actors.orders.payment_errors import NothingToResolve
from sagamore.engine.dead_letters import UnknownLetter
from sagamore.engine.errors import NotEncodable
from tests.bad_values import MUGS, PRICE, SURROGATE

WAIT = timedelta(seconds=10)

Ask: TypeAlias = Callable[[Sagamore], Awaitable[object]]
Case: TypeAlias = tuple[Ask, type[SagamoreError], str]


class Visit(Message, tag="bad_input.visit", version=1):
    """Somebody came by."""

    customer: str
    points: int


class Card(State, tag="bad_input.card", version=1):
    """Their points."""

    points: int = 0


class Loyalty(Actor[Card, Visit], kind="loyalty"):
    """An actor of a host's own."""

    def entity(self, message: Visit) -> str:
        """The customer."""
        return message.customer

    def handle(self, state: Card, message: Visit, turn: Turn) -> Card:
        """Add."""
        return Card(state.points + message.points)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Sagamore]:
    """Ten mugs, and nothing under way."""
    async with Sagamore.open(tmp_path / "shop", payments=SimulatedPayments(), actors=[Loyalty()]) as opened:
        await opened.inventory.receive("MUG", 10, reason="first")
        yield opened


def rows(path: Path) -> dict[str, list[str]]:
    """All that the files of a directory hold."""
    held = {}
    for file in path.glob("*.sqlite"):
        with closing(sqlite3.connect(file)) as connection:
            held[file.name] = list(connection.iterdump())
    return held


def place(**said: Any) -> Ask:
    usual: dict[str, Any] = {"user_id": "ann", "lines": [MUGS], "payment_method": "pm_card"}
    return lambda shop: shop.orders.place(**usual | said)


def visit(customer: Any, points: Any, **named: Any) -> Ask:
    return lambda shop: shop.ask("loyalty", Visit(customer, points), **named)


REFUSED: dict[str, Case] = {
    "unknown product": (place(lines=[Line("HAT", 1, PRICE)]), UnknownProduct, "known when it is first received"),
    "more than there is": (place(lines=[Line("MUG", 11, PRICE)]), OutOfStock, "11 of 'MUG' with 10 available"),
    "paid neither now nor later": (place(payment_method=""), InvalidInput, "pay_by to let the customer pay later"),
    "to be paid in the past": (place(pay_by=datetime(1999, 1, 1, tzinfo=UTC)), PayByPassed, "a time to come"),
    "unknown order": (lambda shop: shop.orders.ship("ord_1"), UnknownOrder, "there is no order 'ord_1'"),
    "unknown reference": (
        lambda shop: shop.orders.by_reference("#1"),
        UnknownOrder,
        "no order with the reference '#1'",
    ),
    "unknown payment": (lambda shop: shop.payments.get("ord_1"), UnknownOrder, "there is no payment of order 'ord_1'"),
    "unknown letter": (lambda shop: shop.dead_letters.show("dl_\n"), UnknownLetter, "there is no dead letter 'dl_\\n'"),
    "two filters": (lambda shop: shop.orders.list(user_id="ann", reference="#1"), InvalidInput, "one of user_id, stat"),
    "stock never received": (lambda shop: shop.inventory.adjust("HAT", 1, reason="x"), StockUnknown, "receive it"),
    "less stock than none": (
        lambda shop: shop.inventory.adjust("MUG", -11, reason="x"),
        StockCommitted,
        "on hand must not fall below",
    ),
    "a count of another shelf": (
        lambda shop: shop.inventory.set("MUG", 7, expected=9, reason="x"),
        StockChanged,
        "9 were expected on hand, there are 10",
    ),
    "a count of a shelf that never was": (
        lambda shop: shop.inventory.set("HAT", 7, expected=9, reason="x"),
        StockChanged,
        "9 were expected on hand, there are 0",
    ),
    "an amount of another currency": (place(amount=Money(25, "EUR")), InvalidInput, "amount is '25.00 EUR'; in GBP"),
    "a payment that is not stuck": (
        lambda shop: shop.payments.resolve("ord_1", outcome="captured", reference="px_1", by="eve"),
        NothingToResolve,
        "is ABSENT; only one that is STUCK or parked",
    ),
    "a float for Money": (
        lambda shop: shop.orders.refund("ord_1", Money(25.0, "GBP"), reason="x"),  # type: ignore[arg-type]
        InvalidInput,
        "never a float",
    ),
    "U+0000 to a host's actor": (visit("a\0b", 1), NotEncodable, "must not contain U+0000"),
    "a lone surrogate to a host's actor": (visit(SURROGATE, 1), NotEncodable, "must not contain a lone surrogate"),
    "money beyond 63 bits": (
        lambda shop: shop.orders.refund("ord_1", Money.of_minor(2**63, "GBP"), reason="x"),
        InvalidInput,
        "at most 9223372036854775807",
    ),
    "a total beyond 63 bits": (
        place(lines=[Line("MUG", 10**9, Money.of_minor(2**62, "GBP"))]),
        InvalidInput,
        "add up to 0 to",
    ),
    "an integer beyond 63 bits to a host's actor": (visit("ann", 2**63), NotEncodable, "must fit 63 bits"),
    "a number for a name": (visit(7, 1), InvalidInput, "str"),
    "text for a number": (visit("ann", "3"), InvalidInput, "int"),
}
CASES = [pytest.param(case, id=name) for name, case in REFUSED.items()]


@pytest.mark.parametrize("case", CASES)
async def test_it_is_refused_with_what_would_be_right_and_no_row_changes(shop: Sagamore, case: Case) -> None:
    ask, error, right = case
    before = rows(shop.path)
    with pytest.raises(error) as refused:
        await ask(shop)
    assert right in str(refused.value)
    assert len(str(refused.value)) < 300
    assert rows(shop.path) == before


ILLEGAL: dict[str, tuple[Callable[[Sagamore, Order], Awaitable[object]], str]] = {
    "Pay": (lambda shop, order: shop.orders.pay(order.id, "pm_card"), "Cancel, Refund, Ship"),
    "Refund": (
        lambda shop, order: shop.orders.refund(order.id, Money("37.50", "GBP"), reason="x"),
        "Cancel, Refund, Ship",
    ),
    "Deliver": (lambda shop, order: shop.orders.deliver(order.id), "Cancel, Refund, Ship"),
    "Return": (
        lambda shop, order: shop.orders.return_goods(order.id, {"MUG": 1}, restock=True),
        "Cancel, Refund, Ship",
    ),
    "Ship": (lambda shop, order: shop.orders.ship(order.id), "Refund, Deliver, Return"),
    "Cancel": (lambda shop, order: shop.orders.cancel(order.id), "Refund, Deliver, Return"),
}


@pytest.mark.parametrize("action", ILLEGAL)
async def test_an_illegal_transition_names_the_state_and_what_is_allowed(shop: Sagamore, action: str) -> None:
    ask, allowed = ILLEGAL[action]
    placed = await shop.orders.place(user_id="ann", lines=[MUGS], payment_method="pm_card")
    order = await shop.orders.wait(placed.id, settled=True, timeout=WAIT)
    if "Ship" not in allowed:
        order = await shop.orders.ship(order.id)
    before = await shop.orders.get(order.id), await shop.inventory.get("MUG")
    with pytest.raises(IllegalTransition) as refused:
        await ask(shop, order)
    assert (refused.value.action, refused.value.state, refused.value.allowed) == (
        action, "CONFIRMED", tuple(allowed.split(", ")),
    )  # fmt: skip
    assert f"{action} is not possible for an order that is CONFIRMED" in str(refused.value)
    assert f"possible now: {allowed}" in str(refused.value)
    assert (await shop.orders.get(order.id), await shop.inventory.get("MUG")) == before
