"""Bad input at the doors of an open shop: each is a named error that says what would be right, and nothing is
half-done: not one row of one file changes. Directories and CSV files are in `test_bad_files`."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from sagamore import (
    Actor,
    Charge,
    IllegalTransition,
    InvalidInput,
    Line,
    Message,
    Money,
    Sagamore,
    SagamoreError,
    SimulatedPayments,
    State,
    Turn,
    UnknownProduct,
)
from sagamore.engine.errors import NotEncodable

CARD = "4242 4242 4242 4242"
LONG = "k" * 10_000
SURROGATE = "MUG\ud800"
PRICE = Money("12.50", "GBP")
MUGS = Line("MUG", 2, PRICE)
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


def rows(shop: Sagamore) -> dict[str, list[str]]:
    """All that the files hold."""
    held = {}
    for file in shop.path.glob("*.sqlite"):
        with closing(sqlite3.connect(file)) as connection:
            held[file.name] = list(connection.iterdump())
    return held


def place(**said: Any) -> Ask:
    usual: dict[str, Any] = {"user_id": "ann", "lines": [MUGS], "payment_method": "pm_card"}
    return lambda shop: shop.orders.place(**usual | said)


def receive(*said: Any, **named: Any) -> Ask:
    return lambda shop: shop.inventory.receive(*said, **{"reason": "delivery"} | named)


def visit(customer: Any, points: Any, **named: Any) -> Ask:
    return lambda shop: shop.ask("loyalty", Visit(customer, points), **named)


REFUSED: dict[str, Case] = {
    "unknown product": (place(lines=[Line("HAT", 1, PRICE)]), UnknownProduct, "known when it is first received"),
    "quantity 0": (place(lines=[Line("MUG", 0, PRICE)]), InvalidInput, "1 to 1,000,000,000"),
    "quantity below 0": (place(lines=[MUGS, Line("MUG", -1, PRICE)]), InvalidInput, "1 to 1,000,000,000"),
    "quantity beyond 10^9": (place(lines=[Line("MUG", 10**9 + 1, PRICE)]), InvalidInput, "1 to 1,000,000,000"),
    "delivery of 0": (receive("MUG", 0), InvalidInput, "1 to 1000000000"),
    "delivery beyond 10^9": (receive("MUG", 10**9 + 1), InvalidInput, "1 to 1000000000"),
    "amount of another currency": (place(amount=Money("25", "EUR")), InvalidInput, "in GBP, as the first line"),
    "charge of another currency": (
        place(charges=[Charge("shipping", Money("3", "EUR"))]),
        InvalidInput,
        "in GBP, as the first line",
    ),
    "amount that does not add up": (place(amount=Money("24.99", "GBP")), InvalidInput, "add up to 25.00 GBP"),
    "a float for Money": (
        lambda shop: shop.orders.refund("ord_1", Money(25.0, "GBP"), reason="x"),  # type: ignore[arg-type]
        InvalidInput,
        "never a float",
    ),
    "a float for a price": (
        place(lines=[Line("MUG", 1, 12.5)]),  # type: ignore[arg-type]
        InvalidInput,
        'Money("12.50", "GBP")',
    ),
    "more than 1,000 lines": (place(lines=[Line("MUG", 1, PRICE)] * 1_001), InvalidInput, "1 to 1,000"),
    "an idempotency key of 10 kB": (place(idempotency_key=LONG), InvalidInput, "255"),
    "a product id of 10 kB": (receive(LONG, 1), InvalidInput, "at most 255 characters"),
    "a key of 10 kB for a host's actor": (visit("ann", 1, idempotency_key=LONG), InvalidInput, "255"),
    "U+0000": (place(reference="a\0b"), InvalidInput, "without U+0000"),
    "U+0000 to a host's actor": (visit("a\0b", 1), NotEncodable, "must not contain U+0000"),
    "a lone surrogate": (place(user_id=SURROGATE), InvalidInput, "without lone surrogates"),
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
    "a card number as a payment method": (place(payment_method=CARD), InvalidInput, "pass the provider's token"),
    "a card number in metadata": (place(metadata={"note": CARD}), InvalidInput, "pass the provider's token"),
    "a card number as a reason": (receive("MUG", 1, reason=CARD), InvalidInput, "pass the provider's token"),
    "a lone surrogate in a question": (lambda shop: shop.orders.get(SURROGATE), InvalidInput, "lone surrogate"),
    "an order id that is None": (lambda shop: shop.orders.cancel(None), InvalidInput, "text"),  # type: ignore[arg-type]
    "a number for a name": (visit(7, 1), InvalidInput, "str"),
    "text for a number": (visit("ann", "3"), InvalidInput, "int"),
    "a delivery of 5,000 digits": (receive("MUG", 10**5_000), InvalidInput, "1 to 1000000000"),
    "a card number as the name of who did it": (receive("MUG", 1, by=CARD), InvalidInput, "provider's token"),
    "a card number as an idempotency key": (place(idempotency_key=CARD), InvalidInput, "provider's token"),
}
CASES = [pytest.param(case, id=name) for name, case in REFUSED.items()]


@pytest.mark.parametrize("case", CASES)
async def test_it_is_refused_with_what_would_be_right_and_no_row_changes(shop: Sagamore, case: Case) -> None:
    ask, error, right = case
    before = rows(shop)
    with pytest.raises(error) as refused:
        await ask(shop)
    assert right in str(refused.value)
    assert len(str(refused.value)) < 300
    assert CARD not in str(refused.value)
    assert rows(shop) == before


async def test_an_illegal_transition_names_the_state_and_what_is_allowed(shop: Sagamore) -> None:
    placed = await shop.orders.wait((await shop.orders.place(user_id="ann", lines=[MUGS], payment_method="pm")).id,
                                    settled=True, timeout=WAIT)  # fmt: skip
    stock = await shop.inventory.get("MUG")
    with pytest.raises(IllegalTransition, match="Deliver is not possible for an order that is CONFIRMED") as refused:
        await shop.orders.deliver(placed.id)
    assert refused.value.allowed == ("Cancel", "Refund", "Ship")
    assert "possible now: Cancel, Refund, Ship" in str(refused.value)
    assert await shop.orders.get(placed.id) == placed
    assert await shop.inventory.get("MUG") == stock
